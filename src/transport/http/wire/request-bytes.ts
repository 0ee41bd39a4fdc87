/** A request as it is to be written. */
export interface WireRequest {
  readonly method: 'POST' | 'GET' | 'DELETE';
  /** Path and query. */
  readonly path: string;
  /** Names and values in turn; what belongs to the connection and the body is added. */
  readonly headers: readonly string[];
  readonly body: Buffer | null;
}

const TARGET = /^\/[\x21-\x7e]*$/;
/** RFC 9110, section 5.6.2 */
const NAME = /^[!#$%&'*+\-.^_`|~\dA-Za-z]+$/;
/** RFC 9110, section 5.5. Nothing beyond Latin-1, whose other characters would be written as others. */
const VALUE = /^[\t\x20-\x7e\x80-\xff]*$/;

/** A larger body is written by itself rather than copied. */
const LARGE_BODY_BYTES = 64 * 1024;

/**
 * The bytes of a request (RFC 9112), in one piece unless the body is large: each piece may become a
 * TLS record and a packet.
 *
 * @param host as the URL has it, with the port unless that is the scheme's own.
 * @throws TypeError for what could end a line or name another header.
 */
export function requestBytes(host: string, request: WireRequest): readonly Buffer[] {
  const head = headOf(host, request);
  const { body } = request;
  if (body === null) return [Buffer.from(head, 'latin1')];
  if (body.length > LARGE_BODY_BYTES) return [Buffer.from(head, 'latin1'), body];
  const bytes = Buffer.allocUnsafe(head.length + body.length);
  bytes.write(head, 'latin1');
  body.copy(bytes, head.length);
  return [bytes];
}

function headOf(host: string, { method, path, headers, body }: WireRequest): string {
  if (!TARGET.test(path))
    throw new TypeError('the path of a request has a character that no URL has');
  let head = `${method} ${path} HTTP/1.1\r\nhost: ${host}\r\nconnection: keep-alive\r\n`;
  for (let index = 0; index < headers.length; index += 2) {
    const name = headers[index] as string;
    const value = headers[index + 1] as string;
    if (!NAME.test(name) || !VALUE.test(value))
      throw new TypeError(`the header "${name}" cannot be sent`);
    head += `${name}: ${value}\r\n`;
  }
  if (body !== null) head += `content-length: ${body.length}\r\n`;
  return `${head}\r\n`;
}
