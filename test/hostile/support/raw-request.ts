/** HTTP requests as text, well-formed but for what a test wants wrong. */
import { INITIALIZE } from './session.ts';

/** Path of the MCP endpoint of a server called tiny. */
export const PATH = '/servers/tiny/mcp';

/** A message to open a session with. */
export const BODY = JSON.stringify(INITIALIZE);

/** The header that frames it. */
export const LENGTH = `Content-Length: ${BODY.length}\r\n`;

/** The header that frames {@link CHUNK}. */
export const CHUNKED = 'Transfer-Encoding: chunked\r\n';

/** The same message in one chunk. */
export const CHUNK = `${BODY.length.toString(16)}\r\n${BODY}\r\n0\r\n\r\n`;

/** Parts of a request that are not the usual ones. */
export interface Shape {
  readonly method?: string;
  readonly path?: string;
  readonly version?: string;
  readonly host?: string;
  /** Further headers, each with its line end; one that frames the body replaces the usual one. */
  readonly headers?: string;
  readonly body?: string;
}

/** The text of a request. */
export function request(shape: Shape = {}): string {
  const { method = 'POST', path = PATH, version = 'HTTP/1.1', host = '127.0.0.1' } = shape;
  const { headers = '', body = BODY } = shape;
  const framing = /Length|Transfer/.test(headers) ? '' : LENGTH;
  return (
    `${method} ${path} ${version}\r\nHost: ${host}\r\nContent-Type: application/json\r\n` +
    `${headers}${framing}\r\n${body}`
  );
}
