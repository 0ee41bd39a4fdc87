/*
 * The files of this reader say for themselves which byte is which: V8 looks up an imported constant
 * each time, which costs a fifth of the whole reading. None of them asks whether a text has a byte at
 * an index: behind the last there is `undefined`, which equals no byte, and of which no comparison is
 * true. Asking costs another fifth.
 */
const SPACE = 0x20;
const TAB = 0x09;
const LINE_FEED = 0x0a;
const CARRIAGE_RETURN = 0x0d;

/** Index of the first byte from `at` on that is no white space (RFC 8259, section 2). */
export function skipSpace(bytes: Buffer, at: number): number {
  return (bytes[at] as number) > SPACE ? at : skipSpaces(bytes, at);
}

function skipSpaces(bytes: Buffer, at: number): number {
  let index = at;
  while (isSpace(bytes[index])) index += 1;
  return index;
}

function isSpace(byte: number | undefined): boolean {
  return byte === SPACE || byte === LINE_FEED || byte === CARRIAGE_RETURN || byte === TAB;
}
