import { SessionNotFound, UpstreamCredentialsRefused, UpstreamProtocolError } from '../errors.ts';
import type { UpstreamRequest } from '../upstream.ts';
import { redirectFailure } from './redirects.ts';
import type { IncomingHttpHeaders } from 'node:http';

/** What an upstream's status line and headers say about what follows. */
export interface ResponseHead {
  readonly status: number;
  /** `nothing`: whatever follows is no message and is thrown away. */
  readonly body: 'json' | 'events' | 'nothing';
  /** Session that the response opens. */
  readonly sessionId: string | null;
  /** As declared; 0 when it is not. */
  readonly contentLength: number;
}

/** As nearly every server writes them, which need no reading. */
const USUAL_MEDIA: ReadonlySet<string> = new Set(['application/json', 'text/event-stream']);

/** What a response answers. */
export type Asked = Pick<UpstreamRequest, 'httpMethod' | 'frame'> & {
  /** The session named in the request as it went to the upstream. */
  readonly sessionId: string | null;
  /** The request may open a session. */
  readonly opensSession: boolean;
};

/**
 * Judges a response by its head.
 *
 * @throws UpstreamProtocolError for what is not Streamable HTTP, SessionNotFound when the upstream
 *   has ended the session, UpstreamCredentialsRefused when it wants other credentials.
 */
export function readHead(asked: Asked, status: number, headers: IncomingHttpHeaders): ResponseHead {
  checkStatus(status, headers);
  if (status === 404 && asked.sessionId !== null) {
    throw new SessionNotFound('the server has ended the session');
  }
  checkEncoding(status, headers);
  return {
    status,
    body: bodyOf(asked, status, mediaTypeOf(status, headers)),
    sessionId: asked.opensSession ? single(headers, 'mcp-session-id', status) : null,
    contentLength: contentLength(single(headers, 'content-length', status)),
  };
}

/**
 * Refuses what no transport of MCP goes on with.
 *
 * @throws UpstreamCredentialsRefused, UpstreamProtocolError for a redirect.
 */
export function checkStatus(status: number, { location }: IncomingHttpHeaders): void {
  if (status === 401 || status === 403) {
    throw new UpstreamCredentialsRefused('the server refuses the gateway’s own credentials', {
      details: { status },
    });
  }
  if (status < 300 || status >= 400) return;
  throw redirectFailure({ status, location: typeof location === 'string' ? location : null });
}

/** @throws UpstreamProtocolError when the body is compressed, which nobody asked for. */
export function checkEncoding(status: number, headers: IncomingHttpHeaders): void {
  const encoding = single(headers, 'content-encoding', status)?.toLowerCase() ?? 'identity';
  if (encoding !== 'identity') throw invalid(`the reply is encoded as ${encoding}`, status);
}

/**
 * `type/subtype` in lower case, without parameters (RFC 9110 §8.3.1); `null` when there is none.
 *
 * @throws UpstreamProtocolError when there are two.
 */
export function mediaTypeOf(status: number, headers: IncomingHttpHeaders): string | null {
  const value = single(headers, 'content-type', status);
  if (value === null || USUAL_MEDIA.has(value)) return value;
  const media = value.split(';', 1)[0]?.trim().toLowerCase() ?? '';
  return /^[a-z0-9.+-]+\/[a-z0-9.+-]+$/.test(media) ? media : 'a malformed content type';
}

function bodyOf(asked: Asked, status: number, media: string | null): ResponseHead['body'] {
  if (status === 202 || status === 204 || media === null) return 'nothing';
  if (status >= 400) {
    if (media === 'application/json') return 'json';
    if (status === 405) return 'nothing';
    throw invalid(`the server answers ${status} with ${media}`, status);
  }
  if (asked.httpMethod === 'DELETE') return 'nothing';
  if (asked.frame !== null && asked.frame.kind !== 'request') {
    // Only requests have an answer; a message in its place would have nobody to go to.
    if (media !== 'text/event-stream') return 'nothing';
    throw invalid('the server answers a message that needs no answer with a stream', status);
  }
  if (media === 'text/event-stream') return 'events';
  if (media === 'application/json' && asked.httpMethod === 'POST') return 'json';
  throw invalid(`the server answers with ${media}`, status);
}

function contentLength(value: string | null): number {
  return value === null ? 0 : Number(value);
}

function single(headers: IncomingHttpHeaders, name: string, status: number): string | null {
  const value = headers[name];
  if (Array.isArray(value)) throw invalid(`the server sends ${name} twice`, status);
  return value ?? null;
}

function invalid(message: string, status: number, options: { hint?: string } = {}): Error {
  return new UpstreamProtocolError(message, { details: { status }, ...options });
}
