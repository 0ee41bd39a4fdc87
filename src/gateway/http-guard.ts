import type { SingleHeaders } from '#mcp';
import type { HttpExchange } from '#transport';
import { AnswerNotAcceptable, MediaTypeRefused, OriginRefused, RequestRefused } from './errors.ts';

/** Headers that may occur once: a second one could be read by someone else. */
const SINGLE_HEADERS: ReadonlySet<string> = new Set([
  'origin',
  'authorization',
  'dpop',
  'content-type',
  'content-encoding',
  'last-event-id',
]);

/** What the official clients send with a message; it admits every kind of answer. */
const USUAL_ACCEPT = 'application/json, text/event-stream';

/** Names under which a listener may be addressed. */
export interface HostNames {
  /** Lower-case host names and addresses, IPv6 without brackets. */
  readonly hosts: ReadonlySet<string>;
  /** `Origin` values of web pages that may call. */
  readonly origins: ReadonlySet<string>;
  /** How the listener is reached: the scheme of its own origin. */
  readonly scheme: 'http' | 'https';
}

/**
 * The request's headers, each `mcp-*` and other singular one at most once.
 *
 * @throws RequestRefused for a repeated one.
 */
export function singleHeaders({
  headers,
  repeated,
}: Pick<HttpExchange, 'headers' | 'repeated'>): SingleHeaders {
  const header = repeated?.find((name) => SINGLE_HEADERS.has(name) || name.startsWith('mcp-'));
  if (header === undefined) return headers;
  throw new RequestRefused('a header occurs twice', { details: { header } });
}

/**
 * Makes sure that the request is meant for this listener and comes from no foreign web page: the
 * defence against DNS rebinding (Streamable HTTP, "Security Warning").
 *
 * @throws OriginRefused otherwise.
 */
export function checkOrigin(headers: SingleHeaders, names: HostNames): void {
  const { origin, host = '' } = headers;
  if (!isOneOf(names.hosts, host)) {
    throw new OriginRefused('the Host header names another site');
  }
  if (origin === undefined || names.origins.has(origin)) return;
  // Its own origin: no page is served there, so nobody but the client itself can say so.
  if (origin === `${names.scheme}://${host}`) return;
  throw new OriginRefused('the Origin header names a site that is not allowed');
}

/**
 * Makes sure that the body is JSON as it stands and that the client takes both kinds of answer.
 *
 * @throws MediaTypeRefused for the body, AnswerNotAcceptable for the answer.
 */
export function checkMediaTypes(headers: SingleHeaders, httpMethod: string): void {
  if (httpMethod === 'POST' && mediaType(headers['content-type']) !== 'application/json') {
    throw new MediaTypeRefused('the body is not application/json');
  }
  const content = headers['content-encoding']?.toLowerCase() ?? 'identity';
  if (content !== 'identity') throw new MediaTypeRefused('the body is compressed');
  const { accept = '*/*' } = headers;
  if (accept === USUAL_ACCEPT) return;
  const wanted = httpMethod === 'POST' ? ['application/json', 'text/event-stream'] : [];
  if (httpMethod === 'GET') wanted.push('text/event-stream');
  const parts = accept.split(',');
  const accepted = new Set(parts.map((part) => mediaType(part)));
  const takes = (type: string): boolean =>
    accepted.has(type) || accepted.has('*/*') || accepted.has(`${type.split('/')[0]}/*`);
  if (!wanted.every(takes)) {
    throw new AnswerNotAcceptable(`Accept does not admit ${wanted.join(' and ')}`);
  }
}

/** Most clients write a host as it is known here, and parsing a URL is slow. */
const PLAIN_HOST = /^([a-z0-9.-]+)(?::\d{1,5})?$/;

function isOneOf(hosts: ReadonlySet<string>, header: string): boolean {
  const plain = PLAIN_HOST.exec(header)?.[1];
  if (plain !== undefined && hosts.has(plain)) return true;
  const host = hostOf(header);
  return host !== undefined && hosts.has(host);
}

/** Host name of a `Host` header, lower case, without port and brackets. */
function hostOf(header: string): string | undefined {
  const url = URL.parse(`http://${header}`);
  if (url === null || url.pathname !== '/' || url.username !== '' || url.search !== '') {
    return undefined;
  }
  return url.hostname.replace(/^\[|\]$/g, '');
}

/** The media type of a header, lower case, without parameters; empty when there is none. */
export function mediaType(value: string | undefined): string {
  return (value ?? '').split(';', 1)[0]?.trim().toLowerCase() ?? '';
}
