import { otherSpelling } from './refusals.ts';
import { isAt, stringIn } from './text.ts';

/** Longer keys fold to no protocol key, and folding is what costs. */
const MAX_FOLDED_LENGTH = 128;

const SLOTS = 64;
const SPELLINGS = 1024;
/** Lower case makes an `i` and a dot of it; Java's comparison of letters by themselves, an `i`. */
const DOTTED_I = '\u0130';
const ASCII = /^[\x20-\x7e]*$/;

/**
 * What is known of the value under a key: the keys of an object; it is a text, or a list of texts,
 * that has to mean the same to every parser (`exact`); nothing (`any`).
 */
type Known = KnownKeys | 'exact' | 'any';
interface KnownKeys {
  readonly [key: string]: Known;
}

/** One key that is known of one of the objects in a text. */
export interface KnownKey {
  readonly name: string;
  /** The number of the shape that has it. */
  readonly owner: number;
  /** Where a text keeps the start of its value; the end is behind it. */
  readonly span: number;
  readonly bytes: Buffer;
  readonly isExact: boolean;
  /** What is known of the object under it, `null` when nothing is. */
  readonly shape: Shape | null;
  /** The number of that, 0 when there is none. */
  readonly inner: number;
  /** With quotes and colon, as it mostly stands in a text: four bytes each, the last four as well. */
  readonly words: readonly number[];
  /** Bytes of it so written. */
  readonly size: number;
}

/** The most bytes that a known key has, quotes and colon included. */
export const MAX_KNOWN_BYTES = 64;

/** The keys that are known of one object. */
export class Shape {
  /** Its place among the objects of the outline, counted from 1. */
  readonly number: number;
  readonly #byName = new Map<string, KnownKey>();
  /** The keys, dispersed by their first and last bytes and lengths. */
  readonly #slots: KnownKey[][] = Array.from({ length: SLOTS }, () => []);
  readonly #folded = new Set<string>();
  /** Has a 1 for each length and first letter of them. */
  readonly #spellings = new Uint8Array(SPELLINGS);

  constructor(known: KnownKeys, outline: { shapes: (Shape | null)[]; keys: (KnownKey | null)[] }) {
    this.number = outline.shapes.push(this) - 1;
    for (const [name, value] of Object.entries(known)) {
      const at = outline.keys.push(null) - 1;
      const inner = typeof value === 'object' ? new Shape(value, outline) : null;
      const key = {
        name,
        owner: this.number,
        span: 2 * at,
        bytes: Buffer.from(name),
        isExact: value === 'exact',
        shape: inner,
        inner: inner?.number ?? 0,
        ...asWritten(name),
      };
      outline.keys[at] = key;
      this.#byName.set(name, key);
      this.#slots[slotOf(key.bytes, 0, key.bytes.length)]?.push(key);
      this.#folded.add(fold(name));
      this.#spellings[spellingOf(name.length, name.charCodeAt(0))] = 1;
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
    const key = text === null ? this.#keyAt(bytes, start, end) : this.byName(text);
    if (key !== null) return key;
    if (text === null && !this.#mayFold(bytes, start, end)) return null;
    const name = text ?? stringIn(bytes, start, end);
    if (this.#folded.has(fold(name))) throw otherSpelling(name);
    return null;
  }

  byName(name: string): KnownKey | null {
    return this.#byName.get(name) ?? null;
  }

  /**
   * Whether {@link fold} could make a known key of what stands in a text without escapes. It leaves the
   * length of printable ASCII as it is, and of its letters changes the case.
   */
  #mayFold(bytes: Buffer, start: number, end: number): boolean {
    for (let index = start; index < end; index += 1) {
      const byte = bytes[index] as number;
      if (byte < 0x20 || byte > 0x7e) return true;
    }
    return start === end || this.#spellings[spellingOf(end - start, bytes[start] as number)] === 1;
  }

  #keyAt(bytes: Buffer, start: number, end: number): KnownKey | null {
    for (const key of this.#slots[slotOf(bytes, start, end)] as readonly KnownKey[]) {
      if (isAt(bytes, start, end, key.bytes)) return key;
    }
    return null;
  }
}

/** What is known of one kind of text. */
export class Outline {
  readonly root: Shape;
  /** By their numbers; 0 is none. */
  readonly shapes: (Shape | null)[] = [null];
  /** By half their spans; 0 is none. */
  readonly keys: (KnownKey | null)[] = [null];
  readonly exact: readonly KnownKey[];
  /** A zero for each start and end. */
  readonly absent: readonly number[];
  /**
   * What came behind each key in the text before, then what came first in the object under each key:
   * texts of one kind have their keys in the same order.
   */
  readonly followers: (KnownKey | null)[];

  constructor(known: KnownKeys) {
    this.root = new Shape(known, this);
    this.exact = this.keys.filter((key) => key !== null && key.isExact) as KnownKey[];
    this.absent = this.keys.flatMap(() => [0, 0]);
    this.followers = [...this.keys, ...this.keys].map(() => null);
  }

  /** A key by the names that lead to it. */
  key(...names: readonly string[]): KnownKey {
    let shape: Shape | null = this.root;
    let key: KnownKey | null = null;
    for (const name of names) {
      key = shape?.byName(name) ?? null;
      shape = key?.shape ?? null;
    }
    if (key === null) throw new Error(`no key "${names.join('.')}" in the outline`);
    return key;
  }
}

function asWritten(name: string): Pick<KnownKey, 'words' | 'size'> {
  const written = Buffer.from(`"${name}":`);
  const size = written.length;
  if (size > MAX_KNOWN_BYTES) throw new Error(`"${name}" is too long for a known key`);
  const words = [];
  for (let at = 0; at < size - 4; at += 4) words.push(written.readInt32LE(at));
  return { words: [...words, written.readInt32LE(size - 4)], size };
}

function slotOf(bytes: Buffer, start: number, end: number): number {
  if (start === end) return 0;
  const first = bytes[start] as number;
  const last = bytes[end - 1] as number;
  return (((end - start) * 5) ^ (first * 3) ^ last) % SLOTS;
}

/** Upper and lower case of a letter have their last five bits in common. */
function spellingOf(length: number, first: number): number {
  return ((length * 32) % SPELLINGS) + (first % 32);
}

/** What the laxest of parsers would still take for the same key; C ends a string at its first NUL. */
function fold(key: string): string {
  const [text = ''] = key.split('\0', 1);
  if (text.length > MAX_FOLDED_LENGTH) return text;
  if (ASCII.test(text)) return text.toLowerCase();
  return text.normalize('NFKC').replaceAll(DOTTED_I, 'i').toUpperCase().toLowerCase();
}
