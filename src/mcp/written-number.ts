/**
 * A number of a message as it is written, compared by its exact value: a double keeps neither many
 * decimals nor integers beyond 2^53 (RFC 8259, section 6).
 */
export class WrittenNumber {
  /** As JSON has it. */
  readonly text: string;
  readonly #value: Decimal;

  constructor(text: string) {
    this.text = text;
    this.#value = decimalOf(text);
  }

  get isInteger(): boolean {
    return this.#value.scale >= 0n;
  }

  /** The number, if it is an integer that every reader keeps exactly; else `undefined`. */
  get safeInteger(): number | undefined {
    if (!this.isInteger) return undefined;
    const value = Number(this.text);
    // Zero has a sign that no text of an integer shows.
    return Number.isSafeInteger(value) ? value + 0 : undefined;
  }

  /** Whether a text of digits, as `-42` or `42.0`, says exactly this number. */
  isSaidBy(text: string): boolean {
    if (!DIGITS.test(text)) return false;
    const { negative, digits, scale } = decimalOf(text);
    const mine = this.#value;
    return negative === mine.negative && digits === mine.digits && scale === mine.scale;
  }
}

/** Plus or minus `digits` times ten to the power of `scale`; no digit at either end is zero. */
interface Decimal {
  readonly negative: boolean;
  /** Empty for zero. */
  readonly digits: string;
  readonly scale: bigint;
}

const DIGITS = /^-?\d+(?:\.\d+)?$/;

/** @param text has digits, perhaps a fraction, perhaps an exponent. */
function decimalOf(text: string): Decimal {
  const [mantissa = '', exponent = '0'] = text.toLowerCase().split('e');
  const negative = mantissa.startsWith('-');
  const [whole = '', fraction = ''] = mantissa.replace('-', '').split('.');
  const written = `${whole}${fraction}`.replace(/^0+/, '');
  const end = lastNonZero(written) + 1;
  if (end === 0) return { negative: false, digits: '', scale: 0n };
  const zeros = written.length - end;
  const scale = BigInt(exponent) + BigInt(zeros - fraction.length);
  return { negative, digits: written.slice(0, end), scale };
}

/** A regular expression for zeros at the end takes quadratic time. */
function lastNonZero(digits: string): number {
  let index = digits.length - 1;
  while (digits[index] === '0') index -= 1;
  return index;
}
