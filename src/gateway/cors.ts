/**
 * Web pages of the origins that a listener allows read its answers (Fetch Standard, "CORS protocol").
 * Client certificates are no part of this: a page calls as whoever needs none.
 */
import type { HttpExchange } from '#transport';
import type { HostNames } from './http-guard.ts';
import { checkOrigin, singleHeaders } from './http-guard.ts';

/** Of our answers, what pages may see beyond what they always may. */
const EXPOSED = 'Mcp-Session-Id, Retry-After, WWW-Authenticate';

const METHODS = 'POST, GET, DELETE';

/** Request headers of every revision. */
const HEADERS = [
  'accept',
  'authorization',
  'content-type',
  'dpop',
  'last-event-id',
  'mcp-method',
  'mcp-name',
  'mcp-protocol-version',
  'mcp-session-id',
];

/** The names of these are the server's (2026-07-28, "Custom Headers from Tool Parameters"). */
const PARAM_HEADER = /^mcp-param-[!#$%&'*+\-.^_`|~0-9a-z]+$/;

/** Two hours, the longest that browsers take. */
const MAX_AGE_SECONDS = '7200';

/** Lets a page of an allowed origin read the answer, whatever it will be. */
export function shareAnswer(exchange: HttpExchange, { origins }: HostNames): void {
  if (origins.size === 0) return;
  exchange.setHeader('vary', 'Origin');
  const { origin } = exchange.headers;
  if (origin === undefined || !origins.has(origin)) return;
  exchange.setHeader('access-control-allow-origin', origin);
  exchange.setHeader('access-control-expose-headers', EXPOSED);
}

/** Whether a browser asks what a page of an allowed origin may send. */
export function isPreflight({ method, headers }: HttpExchange, { origins }: HostNames): boolean {
  const { origin } = headers;
  if (method !== 'OPTIONS' || origin === undefined || !origins.has(origin)) return false;
  return headers['access-control-request-method'] !== undefined;
}

/**
 * Answers it: what a page sends is judged when it comes.
 *
 * @throws OriginRefused when it is meant for another host.
 */
export function answerPreflight(exchange: HttpExchange, names: HostNames): void {
  checkOrigin(singleHeaders(exchange), names);
  const asked = (exchange.headers['access-control-request-headers'] ?? '').toLowerCase();
  const params = asked.split(',').map((name) => name.trim());
  const headers = {
    'access-control-allow-methods': METHODS,
    'access-control-allow-headers': [
      ...HEADERS,
      ...params.filter((name) => PARAM_HEADER.test(name)),
    ].join(', '),
    'access-control-max-age': MAX_AGE_SECONDS,
    vary: 'Origin, Access-Control-Request-Headers',
  };
  exchange.respond(204, headers, null);
}
