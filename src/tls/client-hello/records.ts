/** The record layer under a ClientHello: plaintext handshake records (RFC 8446 §5.1). */

/** Bytes of a record's header: content type, legacy version, length. */
export const RECORD_HEADER_BYTES = 5;

const HANDSHAKE = 0x16;
/** First byte of the version of SSL 3.0 and every TLS. */
const MAJOR_VERSION = 3;
const MAX_RECORD_BYTES = 2 ** 14;

/** What stands where a record should start. */
export type RecordHeader =
  | { readonly kind: 'record'; readonly length: number }
  | { readonly kind: 'more' }
  /** No handshake record: another content type, or not TLS. */
  | { readonly kind: 'other' }
  | { readonly kind: 'bad_length' };

const MORE: RecordHeader = { kind: 'more' };
const OTHER: RecordHeader = { kind: 'other' };
const BAD_LENGTH: RecordHeader = { kind: 'bad_length' };

/** The header at `at`, judged as soon as the bytes that came allow it. */
export function readRecordHeader(bytes: Buffer, at: number): RecordHeader {
  const available = bytes.length - at;
  if (available >= 1 && bytes[at] !== HANDSHAKE) return OTHER;
  if (available >= 2 && bytes[at + 1] !== MAJOR_VERSION) return OTHER;
  if (available < RECORD_HEADER_BYTES) return MORE;
  const length = bytes.readUInt16BE(at + 3);
  // Empty handshake records are forbidden: with them a peer could send for ever and say nothing.
  return length >= 1 && length <= MAX_RECORD_BYTES ? { kind: 'record', length } : BAD_LENGTH;
}

/**
 * The first `count` bytes of the handshake, which may be spread over several records.
 *
 * @param bytes begins with records whose headers have been read and which hold that many.
 */
export function joinFragments(bytes: Buffer, count: number): Buffer {
  const first = fragmentAt(bytes, 0);
  if (first.length >= count) return first.subarray(0, count);
  const joined = Buffer.allocUnsafe(count);
  let length = 0;
  for (let at = 0; length < count;) {
    const fragment = fragmentAt(bytes, at);
    length += fragment.copy(joined, length);
    at += RECORD_HEADER_BYTES + fragment.length;
  }
  return joined;
}

/** The payload of the record at `at`, as far as it has come. */
function fragmentAt(bytes: Buffer, at: number): Buffer {
  const start = at + RECORD_HEADER_BYTES;
  return bytes.subarray(start, start + bytes.readUInt16BE(at + 3));
}
