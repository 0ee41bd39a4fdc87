import type { LinkSecurity } from '#crypto';
import type { Frame, Revision } from '#mcp';
import type { ClientConnection } from '#transport';

/** One exchange of a client with a server behind the gateway, as the listener read it. */
export interface Call {
  /** Names the call in the record, in logs and in errors. */
  readonly id: string;
  /** Milliseconds since the epoch. */
  readonly receivedAtMs: number;
  readonly listener: string;
  /** Address of the client. */
  readonly source: string;
  readonly clientLink: LinkSecurity;
  /** Name of the server that the path asks for. */
  readonly server: string;
  /** Path of the endpoint for many servers that it came by, `null` when it named the server. */
  readonly via: string | null;
  readonly httpMethod: 'POST' | 'GET' | 'DELETE';
  readonly revision: Revision;
  /** The oldest revision that the listener takes. */
  readonly minRevision: Revision;
  readonly sessionId: string | null;
  readonly lastEventId: string | null;
  /** `Mcp-*` headers to pass on, lower-case names. */
  readonly mcpHeaders: Readonly<Record<string, string>>;
  /** The message; with POST alone. */
  readonly frame: Frame | null;
  readonly connection: ClientConnection;
  /** Aborted when the client has gone. */
  readonly signal: AbortSignal;
}
