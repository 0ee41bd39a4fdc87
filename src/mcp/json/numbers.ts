import { notJson } from './refusals.ts';

const MINUS = 0x2d;
const PLUS = 0x2b;
const POINT = 0x2e;
const ZERO = 0x30;
const NINE = 0x39;
/** `E`, and `e` without the bit of the letter case. */
const EXPONENT = 0x45;
const LETTER_CASE = 0x20;

/**
 * Index behind the number that begins at `at` (RFC 8259, section 6).
 *
 * @throws FrameInvalidJson when no number begins there.
 */
export function endOfNumber(bytes: Buffer, at: number): number {
  let end = at;
  if (bytes[end] === MINUS) end += 1;
  end = bytes[end] === ZERO ? end + 1 : digits(bytes, end);
  if (bytes[end] === POINT) end = digits(bytes, end + 1);
  if (((bytes[end] as number) & ~LETTER_CASE) === EXPONENT) {
    const sign = bytes[end + 1];
    end = digits(bytes, sign === PLUS || sign === MINUS ? end + 2 : end + 1);
  }
  return end;
}

/** Index behind at least one digit. */
function digits(bytes: Buffer, at: number): number {
  let end = at;
  while (isDigit(bytes[end] as number)) end += 1;
  if (end === at) throw notJson(at);
  return end;
}

function isDigit(byte: number): boolean {
  return byte >= ZERO && byte <= NINE;
}
