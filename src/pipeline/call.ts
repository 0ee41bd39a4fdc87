import { PosternError } from '#lib';
import type { Frame, Revision } from '#mcp';
import type { ClientConnection } from '#transport';
import type { Caller } from './caller.ts';

/** One exchange of a client with a server behind the gateway, as the listener read it. */
export interface Call extends Caller {
  /** Names the call in the record, in logs and in errors. */
  readonly id: string;
  /** Milliseconds since the epoch. */
  readonly receivedAtMs: number;
  readonly listener: string;
  /** Address of the client. */
  readonly source: string;
  /** Name of the server that the path asks for. */
  readonly server: string;
  /** Path of the endpoint for many servers that it came by, `null` when it named the server. */
  readonly via: string | null;
  readonly httpMethod: 'POST' | 'GET' | 'DELETE';
  readonly revision: Revision;
  /** The oldest revision that the listener takes. */
  readonly minRevision: Revision;
  /** `Mcp-Session-Id` as the client sent it: a token of this gateway's, if it is any good. */
  readonly sessionId: string | null;
  readonly lastEventId: string | null;
  /** `Mcp-*` headers to pass on, lower-case names. */
  readonly mcpHeaders: Readonly<Record<string, string>>;
  /** The message; with POST alone. */
  readonly frame: Frame | null;
  readonly connection: ClientConnection;
  /**
   * Aborted when the client has gone, unless the call goes on without it; or when it has to end. The
   * reason is a PosternError where the client is to be told.
   */
  readonly signal: AbortSignal;
  /** Absent where a lost connection always ends the call. */
  readonly lifeline?: Lifeline;
}

/** What a call hangs on besides its client's connection. */
export interface Lifeline {
  /** Asks once, when the connection is lost before the reply is out, whether the call goes on. */
  onLost(goesOn: () => boolean): void;
  /** Aborts the call's signal. */
  end(): void;
}

/** Why the gateway itself ended a call, its client being there to be told; `null` when it did not. */
export function cutBy({ signal }: Call): PosternError | null {
  return signal.reason instanceof PosternError ? signal.reason : null;
}
