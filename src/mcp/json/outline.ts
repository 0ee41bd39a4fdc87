import { otherSpelling } from './refusals.ts';
import { isAt, stringIn } from './text.ts';

/** Longer keys fold to no protocol key, and folding is what costs. */
const MAX_FOLDED_LENGTH = 128;

const SLOTS = 64;
const ASCII = /^[\x20-\x7e]*$/;

/**
 * What is known of the value under a key: it is an object of this shape; it is a text, or a list of
 * texts, that has to mean the same to every parser (`exact`); nothing (`any`).
 */
type Known = Shape | 'exact' | 'any';

/** One key that an object may have. */
export interface KnownKey {
  readonly name: string;
  /** Its place among the keys of the shape. */
  readonly index: number;
  readonly bytes: Buffer;
  /** With quotes and colon, as it mostly stands in a text. */
  readonly written: Buffer;
  readonly value: Known;
}

/** Keys that are known of one kind of object. */
export class Shape {
  /** Two zeros for each key. */
  readonly absent: readonly number[];
  /** An `undefined` for each key. */
  readonly unread: readonly undefined[];
  readonly #byName = new Map<string, KnownKey>();
  /** The keys, dispersed by their first and last bytes and lengths. */
  readonly #slots: KnownKey[][] = Array.from({ length: SLOTS }, () => []);
  readonly #folded = new Set<string>();
  /** What came first in the text before, then what came behind each key. */
  readonly #followers: (KnownKey | null)[];

  constructor(keys: Readonly<Record<string, Known>>) {
    const known = Object.entries(keys).map(([name, value], index) => {
      const written = Buffer.from(`"${name}":`);
      return { name, index, bytes: Buffer.from(name), written, value };
    });
    this.absent = known.flatMap(() => [0, 0]);
    this.unread = known.map(() => undefined);
    this.#followers = [null, ...known.map(() => null)];
    for (const key of known) {
      this.#byName.set(key.name, key);
      this.#slots[slotOf(key.bytes, 0, key.bytes.length)]?.push(key);
      this.#folded.add(fold(key.name));
    }
  }

  /**
   * The known key that came behind another one in the text before, `null` when it does not stand here
   * too: messages of one kind have their keys in the same order.
   *
   * @param at where a key begins, with its quote.
   * @param before place of the key before, counted from 1; 0 for none.
   */
  likelyAt(bytes: Buffer, at: number, before: number): KnownKey | null {
    const key = this.#followers[before] as KnownKey | null;
    if (key === null) return null;
    const { written } = key;
    for (let index = 0; index < written.length; index += 1) {
      if (bytes[at + index] !== written[index]) return null;
    }
    return key;
  }

  /**
   * The known key that stands in a text, `null` when it is another.
   *
   * @param before place of the key before, counted from 1; 0 for none.
   * @param text what it says if there are escapes in it, `null` otherwise.
   * @throws FrameAmbiguous when some parsers would take it for a known one. Some match keys without
   *   regard to letter case (CVE-2026-27896), some of them fold more than ASCII: to Go, `paramſ` is
   *   `params`. One side would read it and the other would not.
   */
  find(
    bytes: Buffer,
    start: number,
    end: number,
    before: number,
    text: string | null,
  ): KnownKey | null {
    const key = text === null ? this.#keyAt(bytes, start, end) : this.byName(text);
    if (key === null) {
      const name = text ?? stringIn(bytes, start, end);
      if (this.#folded.has(fold(name))) throw otherSpelling(name);
    } else {
      this.#followers[before] = key;
    }
    return key;
  }

  /** A key that is among those of this shape. */
  key(name: string): KnownKey {
    const key = this.byName(name);
    if (key === null) throw new Error(`no key "${name}" in the shape`);
    return key;
  }

  #keyAt(bytes: Buffer, start: number, end: number): KnownKey | null {
    for (const key of this.#slots[slotOf(bytes, start, end)] as readonly KnownKey[]) {
      if (isAt(bytes, start, end, key.bytes)) return key;
    }
    return null;
  }

  byName(name: string): KnownKey | null {
    return this.#byName.get(name) ?? null;
  }
}

function slotOf(bytes: Buffer, start: number, end: number): number {
  if (start === end) return 0;
  const first = bytes[start] as number;
  const last = bytes[end - 1] as number;
  return (((end - start) * 5) ^ (first * 3) ^ last) % SLOTS;
}

/** What the laxest of parsers would still take for the same key; C ends a string at its first NUL. */
function fold(key: string): string {
  const [text = ''] = key.split('\0', 1);
  if (text.length > MAX_FOLDED_LENGTH) return text;
  if (ASCII.test(text)) return text.toLowerCase();
  return text.normalize('NFKC').toUpperCase().toLowerCase();
}
