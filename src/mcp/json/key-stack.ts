import { keyTwice, unclearText } from './refusals.ts';
import { stringIn } from './text.ts';

/**
 * So many keys of one object are compared with each other in place; more, or escaped ones, as strings
 * in a set, which no choice of keys makes slow.
 */
const FEW = 16;

/** Keys that there is room for at first. */
const ROOM = 256;

/**
 * The keys of the objects that are open at one place of a text, to find one that occurs twice. Where
 * they stand is kept, not what they say: most objects have few keys, and of different lengths.
 */
export class KeyStack {
  #starts = new Int32Array(ROOM);
  #lengths = new Int32Array(ROOM);
  readonly #crowds = new Map<number, Set<string>>();
  /** Whether there may be any. */
  #crowded = false;
  #top = 0;

  /** Forgets all that a text has left, which need not have ended well. */
  reset(): void {
    this.#top = 0;
    if (this.#crowded) this.#crowds.clear();
    this.#crowded = false;
  }

  /** Begins an object; what it returns names the object. */
  open(): number {
    return this.#top;
  }

  close(object: number): void {
    this.#top = object;
    if (this.#crowded) this.#crowds.delete(object);
  }

  /**
   * Adds a key without escapes.
   *
   * @throws FrameAmbiguous when the object has it already.
   */
  add(object: number, bytes: Buffer, start: number, end: number): void {
    const top = this.#top;
    if (top - object >= FEW || this.#crowded) {
      if (this.#addToCrowd(object, bytes, start, end)) return;
    }
    const length = end - start;
    const lengths = this.#lengths;
    for (let index = object; index < top; index += 1) {
      if (lengths[index] !== length) continue;
      if (sameBytes(bytes, this.#starts[index] as number, start, length)) throw keyTwice();
    }
    this.#push(start, end - start);
  }

  /**
   * Adds a key with escapes.
   *
   * @param text what it says.
   * @throws FrameAmbiguous also when a parser might not read it as it is written.
   */
  addEscaped(object: number, bytes: Buffer, start: number, end: number, text: string): void {
    if (!text.isWellFormed()) throw unclearText();
    const crowd = this.#crowdOf(object, bytes);
    if (crowd.has(text)) throw keyTwice();
    crowd.add(text);
    // An object that is open within this one must not get the same name.
    if (this.#top === object) this.#push(start, end - start);
  }

  /** Whether the object has so many keys that it is in this care. */
  #addToCrowd(object: number, bytes: Buffer, start: number, end: number): boolean {
    if (this.#top - object < FEW && !this.#crowds.has(object)) return false;
    const crowd = this.#crowdOf(object, bytes);
    const size = crowd.size;
    crowd.add(stringIn(bytes, start, end));
    if (crowd.size === size) throw keyTwice();
    return true;
  }

  #crowdOf(object: number, bytes: Buffer): Set<string> {
    const known = this.#crowds.get(object);
    if (known !== undefined) return known;
    const crowd = new Set<string>();
    for (let index = object; index < this.#top; index += 1) {
      const start = this.#starts[index] as number;
      crowd.add(stringIn(bytes, start, start + (this.#lengths[index] as number)));
    }
    this.#crowds.set(object, crowd);
    this.#crowded = true;
    return crowd;
  }

  #push(start: number, length: number): void {
    const top = this.#top;
    if (top === this.#starts.length) this.#grow();
    this.#starts[top] = start;
    this.#lengths[top] = length;
    this.#top = top + 1;
  }

  #grow(): void {
    this.#starts = enlarged(this.#starts);
    this.#lengths = enlarged(this.#lengths);
  }
}

function enlarged(array: Int32Array<ArrayBuffer>): Int32Array<ArrayBuffer> {
  const twice = new Int32Array(array.length * 2);
  twice.set(array);
  return twice;
}

function sameBytes(bytes: Buffer, one: number, other: number, length: number): boolean {
  for (let index = 0; index < length; index += 1) {
    if (bytes[one + index] !== bytes[other + index]) return false;
  }
  return true;
}
