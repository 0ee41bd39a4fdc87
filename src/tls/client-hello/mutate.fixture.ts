/** Spoils hellos at random, the same way for the same seed. */
import type { HelloParts, WireExtension } from '../client-hello.fixture.ts';
import { buildHello, helloMessage, inRecords, payloadOf } from '../client-hello.fixture.ts';
import { randomNumbers } from '../../../test/support/random.ts';

/** Lengths that tend to be handled wrongly. */
const ODD_LENGTHS = [0, 1, 2, 0x7f, 0x80, 0xff, 0x100, 0x3fff, 0x4000, 0x4001, 0x7fff, 0xffff];

/** Spoiled copies of real hellos, without end. */
export class Mutator {
  readonly #corpus: readonly Buffer[];
  readonly #random: () => number;

  /** @param corpus first flights of clients: whole records. */
  constructor(corpus: readonly Buffer[], seed: number) {
    this.#corpus = corpus;
    this.#random = randomNumbers(seed);
  }

  /** An integer from 0 to below `limit`. */
  below(limit: number): number {
    return Math.floor(this.#random() * limit);
  }

  /**
   * A hello spoiled somewhere: in its bytes on the wire, or below lengths that are right again, so
   * that the fault is met deep inside.
   */
  next(): Buffer {
    const hello = this.#pick(this.#corpus);
    switch (this.below(3)) {
      case 0:
        return this.#spoil(hello);
      case 1: {
        const body = this.#spoil(payloadOf(hello).subarray(4));
        return inRecords(helloMessage(body), 1 + this.below(this.below(2) === 0 ? 64 : 4096));
      }
      default:
        return inRecords(buildHello(this.#spoilExtension(partsOf(payloadOf(hello)))));
    }
  }

  #spoil(bytes: Buffer): Buffer {
    let spoiled = bytes;
    for (let count = 1 + this.below(3); count > 0; count -= 1) spoiled = this.#spoilOnce(spoiled);
    return spoiled;
  }

  #spoilOnce(bytes: Buffer): Buffer {
    // Half of the faults are where most of the structure is.
    const at = this.below(Math.min(bytes.length, this.below(2) === 0 ? 48 : bytes.length) + 1);
    const before = bytes.subarray(0, at);
    switch (this.below(7)) {
      case 0:
        return this.#overwrite(bytes, at, Buffer.of((bytes[at] ?? 0) ^ (1 << this.below(8))));
      case 1:
        return this.#overwrite(bytes, at, this.#someBytes(4));
      case 2:
        return Buffer.concat([before, this.#someBytes(40), bytes.subarray(at)]);
      case 3:
        return Buffer.concat([before, bytes.subarray(at + 1 + this.below(40))]);
      case 4:
        return before;
      case 5: {
        const other = this.#pick(this.#corpus);
        return Buffer.concat([before, other.subarray(this.below(other.length))]);
      }
      default:
        return this.#editLength(bytes, at);
    }
  }

  #editLength(bytes: Buffer, at: number): Buffer {
    const now = (bytes[at] ?? 0) * 256 + (bytes[at + 1] ?? 0);
    const length = this.below(2) === 0 ? now + this.below(9) - 4 : this.#pick(ODD_LENGTHS);
    const wide = Buffer.of((length >> 8) & 0xff, length & 0xff);
    return this.#overwrite(bytes, at, this.below(2) === 0 ? wide : wide.subarray(1));
  }

  #spoilExtension(parts: HelloParts): HelloParts {
    const extensions: WireExtension[] = [...(parts.extensions ?? [])];
    const at = this.below(extensions.length + 1);
    const { type, data } = extensions[at] ?? { type: this.below(0x10000), data: Buffer.alloc(0) };
    const spoiled = { type, data: this.#spoil(data).subarray(0, 30_000) };
    extensions.splice(at, this.below(8) === 0 ? 0 : 1, spoiled);
    return { ...parts, extensions };
  }

  #overwrite(bytes: Buffer, at: number, by: Buffer): Buffer {
    const copy = Buffer.from(bytes);
    by.copy(copy, at);
    return copy;
  }

  #someBytes(limit: number): Buffer {
    return Buffer.from(Array.from({ length: 1 + this.below(limit) }, () => this.below(256)));
  }

  #pick<T>(items: readonly T[]): T {
    return items[this.below(items.length)] as T;
  }
}

/** Takes a sound hello apart. */
function partsOf(message: Buffer): HelloParts {
  const sessionId = sized(message, 38, 1);
  const suites = sized(message, 39 + sessionId.length, 2);
  const compressionAt = 41 + sessionId.length + suites.length;
  const compressionMethods = sized(message, compressionAt, 1);
  const block = sized(message, compressionAt + 1 + compressionMethods.length, 2);
  const extensions: WireExtension[] = [];
  for (let at = 0; at < block.length;) {
    const data = sized(block, at + 2, 2);
    extensions.push({ type: block.readUInt16BE(at), data });
    at += 4 + data.length;
  }
  return {
    legacyVersion: message.readUInt16BE(4),
    random: message.subarray(6, 38),
    sessionId,
    cipherSuites: Array.from({ length: suites.length / 2 }, (_, n) => suites.readUInt16BE(2 * n)),
    compressionMethods,
    extensions,
  };
}

function sized(bytes: Buffer, at: number, lengthBytes: number): Buffer {
  const start = at + lengthBytes;
  return bytes.subarray(start, start + bytes.readUIntBE(at, lengthBytes));
}
