/**
 * What the gateway needs of an MCP server, whatever carries it. Every kind of upstream looks like a
 * Streamable HTTP server: the stdio kind plays that role for its child processes, the sse kind for a
 * server on the transport of 2024-11-05.
 */
import type { LinkSecurity } from '#crypto';
import type { Frame, Revision } from '#mcp';
import type { SubjectToken } from './subject-token.ts';

/** One HTTP exchange of the Streamable HTTP transport, on its way to an upstream. */
export interface UpstreamRequest {
  readonly httpMethod: 'POST' | 'GET' | 'DELETE';
  /** The message; with POST alone. */
  readonly frame: Frame | null;
  readonly revision: Revision;
  /** The upstream's own id of the session; whoever asks has made sure that it is this principal's. */
  readonly sessionId: string | null;
  /** `Last-Event-ID` as the client sent it, when it is not the gateway's own. */
  readonly lastEventId: string | null;
  /** `Mcp-*` headers to pass on (2026-07-28), lower-case names. */
  readonly mcpHeaders: Readonly<Record<string, string>>;
  /** Who calls. Sessions and child processes belong to one principal and serve no other. */
  readonly principal: string;
  /** The token that the caller came with; `null` without one, and for what the gateway does by itself. */
  readonly subjectToken: SubjectToken | null;
  /** Over which the exchange came from the client, `null` for one that is the gateway's own. */
  readonly clientLink: LinkSecurity | null;
  /** The client's connection: while one is open, the sessions used over it are not idle. */
  readonly connection: ClientConnection;
  /** Aborted when the client has gone or no longer wants the reply. */
  readonly signal: AbortSignal;
  /**
   * Told the hop over which the exchange goes, before anything is sent on it; again when it has to be
   * sent once more over another. Whatever comes of the exchange, this is what carried it.
   */
  onLink(link: LinkSecurity): void;
  /** Told the revision in which the server is spoken to, when that is not the client's own. */
  onRevision(revision: Revision): void;
}

/** A client connection, as far as sessions care. */
export interface ClientConnection {
  /** Calls back once, when the connection has closed; at once if it has already. */
  onceClosed(callback: () => void): void;
}

/** How an upstream answers one exchange. */
export type UpstreamReply = JsonReply | EventsReply | EmptyReply;

interface ReplyHead {
  readonly status: number;
  /** Set on the reply to `initialize` by upstreams that keep sessions. */
  readonly sessionId: string | null;
}

/** One message, `application/json`. */
export interface JsonReply extends ReplyHead {
  readonly kind: 'json';
  readonly frame: Frame;
}

/** A stream of messages, `text/event-stream`. Ending the iteration early releases the stream. */
export interface EventsReply extends ReplyHead {
  readonly kind: 'events';
  readonly events: AsyncIterable<StreamEvent>;
}

/** No message: 202, 204, 405 and the like. */
export interface EmptyReply extends ReplyHead {
  readonly kind: 'empty';
}

/** One server-sent event. */
export interface StreamEvent {
  /** The event as it goes on the wire, blank line included. */
  readonly wire: Buffer;
  /** The JSON-RPC message in its data, `null` for comments and priming events. */
  readonly message: Buffer | null;
  /** `id` of the event, kept when policy has to rewrite the data. */
  readonly id: string | null;
  /** `retry` of the event: how long the server is to be left alone once its stream has ended. */
  readonly retryMs?: number;
}

/** State of an upstream for health, doctor and summaries. */
export interface UpstreamHealth {
  readonly reachable: boolean;
  /** One sentence: what was seen, or what went wrong. */
  readonly detail: string;
  /** The hop, when one could be made. */
  readonly link: LinkSecurity | null;
}

/** Live counts of an upstream. */
export interface UpstreamStats {
  readonly sessions: number;
  readonly children: number;
  readonly connections: number;
}

/** An MCP server behind the gateway. */
export interface Upstream {
  readonly name: string;
  readonly kind: 'stdio' | 'http' | 'sse';
  /**
   * Carries one exchange. For a request frame the reply is its answer; for the rest an
   * acknowledgement.
   *
   * @throws PosternError of this room's `errors.ts`, each with the HTTP status and JSON-RPC code
   *   that answer the caller.
   */
  exchange(request: UpstreamRequest): Promise<UpstreamReply>;
  /** Tries the hop without sending an MCP message. */
  health(): Promise<UpstreamHealth>;
  stats(): UpstreamStats;
  /** Ends every session, child process and connection; resolves when nothing is left. */
  close(): Promise<void>;
}
