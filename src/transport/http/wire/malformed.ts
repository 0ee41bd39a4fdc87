/** Bytes are not the HTTP/1.1 message that every parser reads alike (RFC 9112). */
export class MalformedMessage extends Error {
  override readonly name = 'MalformedMessage';
}

/** A head or a line is longer than it may be. */
export class TooLongMessage extends MalformedMessage {}

/** A client takes this for a proxy (RFC 9110, section 9.3.6). */
export class TunnelWanted extends MalformedMessage {}
