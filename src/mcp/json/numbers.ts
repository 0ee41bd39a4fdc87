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
  const start = bytes[at] === MINUS ? at + 1 : at;
  const end = endOfDigits(bytes, start);
  if (bytes[start] === ZERO && end > start + 1) throw notJson(start + 1);
  // Most are integers, and a comma or bracket comes behind them.
  return (bytes[end] as number) === POINT || (bytes[end] as number) > NINE
    ? endOfReal(bytes, end)
    : end;
}

/** Index behind the fraction and the exponent that a number may have behind its digits. */
function endOfReal(bytes: Buffer, at: number): number {
  const end = bytes[at] === POINT ? endOfDigits(bytes, at + 1) : at;
  if (((bytes[end] as number) & ~LETTER_CASE) !== EXPONENT) return end;
  const sign = bytes[end + 1];
  return endOfDigits(bytes, sign === PLUS || sign === MINUS ? end + 2 : end + 1);
}

/** Index behind at least one digit. */
function endOfDigits(bytes: Buffer, at: number): number {
  let end = at;
  while (isDigit(bytes[end] as number)) end += 1;
  if (end === at) throw notJson(at);
  return end;
}

function isDigit(byte: number): boolean {
  return byte >= ZERO && byte <= NINE;
}
