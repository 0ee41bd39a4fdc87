const QUOTE = 0x22;
const BACKSLASH = 0x5c;
const SHORT = 256;

/** What a string without escapes says. */
export function stringIn(bytes: Buffer, start: number, end: number): string {
  return bytes.toString('utf8', start, end);
}

/** The value that a scanned part of a text says. */
export function valueIn(bytes: Buffer, start: number, end: number): unknown {
  // For a name this takes a third of what JSON.parse does.
  if (isShortPlainString(bytes, start, end)) return stringIn(bytes, start + 1, end - 1);
  return JSON.parse(stringIn(bytes, start, end)) as unknown;
}

function isShortPlainString(bytes: Buffer, start: number, end: number): boolean {
  return bytes[start] === QUOTE && end - start <= SHORT && !hasEscape(bytes, start, end);
}

/** Whether there is a backslash among these bytes. */
export function hasEscape(bytes: Buffer, start: number, end: number): boolean {
  for (let index = start; index < end; index += 1) if (bytes[index] === BACKSLASH) return true;
  return false;
}

/** So many digits are read exactly, whatever they are. */
const MAX_DIGITS = 15;
const ZERO = 0x30;

/** The number that some digits say; `null` when there is anything else, or too many. */
export function digitsIn(bytes: Buffer, start: number, end: number): number | null {
  if (end - start > MAX_DIGITS) return null;
  let number = 0;
  for (let index = start; index < end; index += 1) {
    const digit = (bytes[index] as number) - ZERO;
    if (digit < 0 || digit > 9) return null;
    number = number * 10 + digit;
  }
  return number;
}

/** Whether exactly these bytes stand there. */
export function isAt(bytes: Buffer, start: number, end: number, expected: Buffer): boolean {
  if (expected.length !== end - start) return false;
  for (let index = 0; index < expected.length; index += 1) {
    if (bytes[start + index] !== expected[index]) return false;
  }
  return true;
}
