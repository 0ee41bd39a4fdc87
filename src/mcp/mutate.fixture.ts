/** Spoils JSON texts at random, the same way for the same seed. */
import { randomNumbers } from '../../test/support/random.ts';

/** What parsers tend to read differently, or not at all. */
const TOKENS: readonly Buffer[] = [
  ...words(String.raw`{ } [ ] : , " \ \" \\ 0 - -0 01 1e5 1E+1 1. .5 7.0 9007199254740993 1e400`),
  ...words(String.raw`true false null NaN tru "" {} [] "a":1 ,"a":1,"a":2 /**/ \u0000 \ud800 \x`),
  ...words('|\n|\r|\t|\v|\0|\u007f|\u0001|\ufeff|\u2028|\u212a', '|'),
  ...words(`\\u006 é 😀 ſ ${'x'.repeat(40)} ${'\\n'.repeat(20)}`),
];
/** What may stand in an object before its other members. */
const MEMBERS: readonly Buffer[] = words(String.raw`
  "id":1, "method":"ping", "Method":"ping", "m\u0065thod":"ping", "params":{}, "result":{},
  "name":"x", "NAME":"x", "n\u0061me":"x", "__proto__":1, "_meta":{"progressToken":1},
  "jsonrpc":"2.0", "error":{"code":1,"message":""}, "":[1,-0.5e3,true,null], "a\\":"\"",
  "é":"\ud800", "\ud800":1, "uri":"\u0000",`);
/** What may stand in a string. */
const CHARACTERS: readonly Buffer[] = [
  ...words(String.raw`\u0000 \ud800 \ud83d\ude00 \u00E9 \" \\ \n \/ é 😀 a { : , ſ`),
  ...words(`\u007f ${'x'.repeat(40)} ${'y'.repeat(30)}\\t ${'\\b'.repeat(20)}`),
];
const BROKEN_UTF8 = ['ff', 'c0ae', 'eda080', 'f4908080', 'e282', '80'].map((hex) =>
  Buffer.from(hex, 'hex'),
);

/** Varied and spoiled copies of JSON texts, without end. */
export class Mutator {
  readonly #corpus: readonly Buffer[];
  readonly #random: () => number;

  constructor(corpus: readonly Buffer[], seed: number) {
    this.#corpus = corpus;
    this.#random = randomNumbers(seed);
  }

  next(): Buffer {
    let bytes = this.#pick(this.#corpus);
    for (let count = this.#below(4); count > 0; count -= 1) bytes = this.#vary(bytes);
    for (let count = this.#below(3); count > 0; count -= 1) bytes = this.#spoil(bytes);
    return bytes;
  }

  /** Leaves JSON what it was. */
  #vary(bytes: Buffer): Buffer {
    const isMember = this.#below(2) === 0;
    const at = bytes.indexOf(isMember ? '{' : ':"', this.#below(bytes.length + 1));
    if (at === -1) return bytes;
    const behind = at + (isMember ? 1 : 2);
    const added = this.#pick(isMember ? MEMBERS : CHARACTERS);
    return Buffer.concat([bytes.subarray(0, behind), added, bytes.subarray(behind)]);
  }

  #spoil(bytes: Buffer): Buffer {
    const at = this.#place(bytes);
    const before = bytes.subarray(0, at);
    switch (this.#below(9)) {
      case 0:
        return Buffer.concat([before, Buffer.of(this.#below(256)), bytes.subarray(at + 1)]);
      case 1:
        return Buffer.concat([before, bytes.subarray(at + 1 + this.#below(12))]);
      case 2:
        return before;
      case 3: {
        const again = bytes.subarray(at, at + this.#below(60));
        return Buffer.concat([before, again, bytes.subarray(at)]);
      }
      case 4: {
        const other = this.#pick(this.#corpus);
        return Buffer.concat([before, other.subarray(this.#place(other))]);
      }
      case 5:
        return Buffer.concat([before, this.#pick(BROKEN_UTF8), bytes.subarray(at)]);
      default:
        return Buffer.concat([before, this.#pick(TOKENS), bytes.subarray(at)]);
    }
  }

  /** Mostly where a member or an element begins, so that the outcome is often JSON again. */
  #place(bytes: Buffer): number {
    const at = this.#below(bytes.length + 1);
    if (this.#below(3) === 0) return at;
    const start = bytes.indexOf(this.#below(2) === 0 ? '"' : ',', at);
    return start === -1 ? at : start;
  }

  #below(limit: number): number {
    return Math.floor(this.#random() * limit);
  }

  #pick<T>(items: readonly T[]): T {
    return items[this.#below(items.length)] as T;
  }
}

function words(text: string, separator: string | RegExp = /\s+/): readonly Buffer[] {
  return text
    .trim()
    .split(separator)
    .map((word) => Buffer.from(word));
}
