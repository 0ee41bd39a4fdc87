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
  readonly value: Known;
}

/** Keys that are known of one kind of object. */
export class Shape {
  /** Two zeros for each key. */
  readonly absent: readonly number[];
  readonly #byName = new Map<string, KnownKey>();
  /** The keys, dispersed by their first and last bytes and lengths. */
  readonly #slots: KnownKey[][] = Array.from({ length: SLOTS }, () => []);
  readonly #folded = new Set<string>();

  constructor(keys: Readonly<Record<string, Known>>) {
    const known = Object.entries(keys).map(([name, value], index) => {
      return { name, index, bytes: Buffer.from(name), value };
    });
    this.absent = known.flatMap(() => [0, 0]);
    for (const key of known) {
      this.#byName.set(key.name, key);
      this.#slots[slotOf(key.bytes, 0, key.bytes.length)]?.push(key);
      this.#folded.add(fold(key.name));
    }
  }

  /**
   * The known key that stands in a text, `null` when it is another.
   *
   * @param text what it says if there are escapes in it, `null` otherwise.
   * @throws FrameAmbiguous when some parsers would take it for a known one. Some match keys without
   *   regard to letter case (CVE-2026-27896), some of them fold more than ASCII: to Go, `paramſ` is
   *   `params`. One side would read it and the other would not.
   */
  find(bytes: Buffer, start: number, end: number, text: string | null): KnownKey | null {
    if (text === null) {
      for (const key of this.#slots[slotOf(bytes, start, end)] as readonly KnownKey[]) {
        if (isAt(bytes, start, end, key.bytes)) return key;
      }
    }
    const name = text ?? stringIn(bytes, start, end);
    const key = this.byName(name);
    if (key === null && this.#folded.has(fold(name))) throw otherSpelling(name);
    return key;
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
