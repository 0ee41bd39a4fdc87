import { STATUS_CODES } from 'node:http';
import { httpDate } from './http-date.ts';

/** Header names, in lower case, and their values. */
export type ResponseHeaders = Readonly<Record<string, string | number>>;

/** How the end of a response's body is told, and what becomes of the connection. */
export interface ResponseFraming {
  /** `null` where it is not known when the head goes out. */
  readonly contentLength: number | null;
  /** With an unknown length; without, the end of the connection tells. */
  readonly chunked: boolean;
  /** How long the connection is kept for another request, `null` when it ends. */
  readonly keepAliveMs: number | null;
}

/** RFC 9110, section 5.6.2 */
const NAME = /^[!#$%&'*+\-.^_`|~\da-z]+$/;
/** RFC 9110, section 5.5 */
const VALUE = /^[\t\x20-\x7e\x80-\xff]*$/;

/**
 * The head of a response (RFC 9112), Latin-1.
 *
 * @throws TypeError for what could end a line or name another header.
 */
export function responseHead(
  status: number,
  headers: ResponseHeaders,
  { contentLength, chunked, keepAliveMs }: ResponseFraming,
): string {
  let head = `HTTP/1.1 ${status} ${STATUS_CODES[status] ?? 'Unknown'}\r\n`;
  for (const name in headers) {
    const value = String(headers[name]);
    if (!NAME.test(name) || !VALUE.test(value))
      throw new TypeError(`the header "${name}" cannot be sent`);
    head += `${name}: ${value}\r\n`;
  }
  if (contentLength !== null) head += `content-length: ${contentLength}\r\n`;
  else if (chunked) head += 'transfer-encoding: chunked\r\n';
  head += `date: ${httpDate()}\r\n`;
  if (keepAliveMs === null) return `${head}connection: close\r\n\r\n`;
  return `${head}connection: keep-alive\r\nkeep-alive: timeout=${Math.floor(keepAliveMs / 1000)}\r\n\r\n`;
}
