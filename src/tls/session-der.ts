/**
 * Reads the key-exchange group out of an SSL_SESSION as OpenSSL encodes it, the one place where a
 * server-side socket tells which group its own handshake used.
 */

const SEQUENCE = 0x30;
const INTEGER = 0x02;
/** `[19] EXPLICIT`, OpenSSL's `kex_group` (ssl/ssl_asn1.c). */
const KEX_GROUP = 0xb3;

interface Tlv {
  readonly tag: number;
  readonly start: number;
  readonly end: number;
}

/**
 * The IANA id of the group, or `undefined` when the bytes are not such a session or have no group.
 *
 * Right after a full handshake, a HelloRetryRequest, or a resumption with a fresh exchange (the only
 * kind, as SSL_OP_ALLOW_NO_DHE_KEX is never set).
 */
export function kexGroupOfSession(der: Uint8Array): number | undefined {
  const outer = readTlv(der, 0, der.length);
  if (outer === undefined || outer.tag !== SEQUENCE) return undefined;
  let offset = outer.start;
  while (offset < outer.end) {
    const field = readTlv(der, offset, outer.end);
    if (field === undefined) return undefined;
    if (field.tag === KEX_GROUP) return readInteger(der, field);
    offset = field.end;
  }
  return undefined;
}

function readInteger(der: Uint8Array, wrapper: Tlv): number | undefined {
  const value = readTlv(der, wrapper.start, wrapper.end);
  if (value === undefined || value.tag !== INTEGER || value.end !== wrapper.end) return undefined;
  const bytes = der.subarray(value.start, value.end);
  if (bytes.length === 0 || bytes.length > 4) return undefined;
  return bytes.reduce((sum, byte) => sum * 256 + byte, 0);
}

/** One DER tag-length-value with a one-byte tag; `undefined` when it does not fit below `limit`. */
function readTlv(der: Uint8Array, offset: number, limit: number): Tlv | undefined {
  const tag = der[offset];
  const first = der[offset + 1];
  if (tag === undefined || first === undefined || offset + 2 > limit) return undefined;
  let start = offset + 2;
  let length = first;
  if (first >= 0x80) {
    const count = first & 0x7f;
    if (count === 0 || count > 4 || start + count > limit) return undefined;
    length = der.subarray(start, start + count).reduce((sum, byte) => sum * 256 + byte, 0);
    start += count;
  }
  const end = start + length;
  return end <= limit ? { tag, start, end } : undefined;
}
