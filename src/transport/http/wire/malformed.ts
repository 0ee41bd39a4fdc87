/** A server's bytes are not the HTTP/1.1 response that every parser reads alike (RFC 9112). */
export class MalformedResponse extends Error {
  override readonly name = 'MalformedResponse';
}
