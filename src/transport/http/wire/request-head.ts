import type { Framing } from './body-parser.ts';
import { declaredFraming, keepsAlive } from './framing.ts';
import { MalformedMessage, TooLongMessage, TunnelWanted } from './malformed.ts';
import type { Fields } from './wire-fields.ts';
import { readFields } from './wire-fields.ts';

/** Header fields by their names in lower case; the values of one that came more than once are joined. */
export type RequestHeaders = Readonly<Record<string, string | undefined>>;

/** What the request line and the header fields of a request say. */
export interface RequestHead {
  readonly method: string;
  /** Path and query as they were written (origin form; RFC 9112, section 3.2.1). */
  readonly target: string;
  /** HTTP/1.0, which proxies speak that were not told otherwise: it has no chunks. */
  readonly isOld: boolean;
  readonly headers: RequestHeaders;
  /** Names of fields that came more than once; `null` when none did. */
  readonly repeated: readonly string[] | null;
  readonly framing: Framing;
  /** Whether the client takes another response on the connection. */
  readonly keepAlive: boolean;
}

/** Absolute targets are for proxies; `*` and `host:port` are for methods that nothing here has. */
const REQUEST_LINE =
  /^(GET|HEAD|POST|PUT|PATCH|DELETE|OPTIONS|TRACE) (\/[\x21\x24-\x3b\x3d\x3f-\x7e]*) HTTP\/1\.([01])\r\n/;
/** Clients send about 20. */
const MAX_FIELDS = 256;
const NO_BODY: Framing = { kind: 'none' };

/**
 * Reads the head of a request.
 *
 * @param text the request line, the fields, and the empty line, each with CR and LF; Latin-1.
 * @throws MalformedMessage also for what RFC 9112 lets a recipient mend: two parsers would mend it
 *   differently, and one request would be two. TooLongMessage for too many fields, TunnelWanted.
 */
export function readRequestHead(text: string): RequestHead {
  const match = REQUEST_LINE.exec(text);
  if (match === null) throw isTunnel(text) ? new TunnelWanted('this is no proxy') : noRequest();
  const [line, method = '', target = '', minor] = match;
  const isOld = minor === '0';
  const fields = readFields(text, line.length);
  const { headers, repeated, count } = fields;
  if (count > MAX_FIELDS) throw new TooLongMessage('it has too many header fields');
  const { host } = headers as { host?: string | string[] };
  if (Array.isArray(host) || (host === undefined && !isOld)) {
    throw new MalformedMessage('it has not exactly one Host');
  }
  const framing = declaredFraming(isOld, headers) ?? NO_BODY;
  const keepAlive = keepsAlive(isOld, headers);
  return { method, target, isOld, headers: joined(fields), repeated, framing, keepAlive };
}

/** Whether a request begins as one does that asks for a tunnel. */
export function isTunnel(beginning: string): boolean {
  return beginning.startsWith('CONNECT ');
}

function noRequest(): Error {
  return new MalformedMessage('its request line is none');
}

/** RFC 9110, section 5.3 */
function joined({ headers, repeated }: Fields): RequestHeaders {
  for (const name of repeated ?? []) headers[name] = [headers[name]].flat().join(', ');
  return headers as RequestHeaders;
}
