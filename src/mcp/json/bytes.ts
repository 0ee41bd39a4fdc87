/*
 * The files of this reader say for themselves which byte is which: V8 looks up an imported constant
 * each time, which costs a fifth of the whole reading.
 */
const SPACE = 0x20;
const TAB = 0x09;
const LINE_FEED = 0x0a;
const CARRIAGE_RETURN = 0x0d;

/** The byte at an index, -1 behind the last. */
export function byteAt(bytes: Buffer, at: number): number {
  return at < bytes.length ? (bytes[at] as number) : -1;
}

/** Index of the first byte from `at` on that is no white space (RFC 8259, section 2). */
export function skipSpace(bytes: Buffer, at: number): number {
  let index = at;
  while (isSpace(byteAt(bytes, index))) index += 1;
  return index;
}

function isSpace(byte: number): boolean {
  if (byte > SPACE) return false;
  return byte === SPACE || byte === LINE_FEED || byte === CARRIAGE_RETURN || byte === TAB;
}
