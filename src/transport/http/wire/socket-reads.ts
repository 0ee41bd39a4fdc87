import type { OnReadOpts } from 'node:net';

/** A TLS record, or what the kernel mostly has of a plain connection. */
const BUFFER_BYTES = 64 * 1024;

/**
 * What one socket reads, always into the same buffer: an own one for each read, outside V8's heap, is most
 * of what there is to collect. To be given to `connect` as its option `onread`.
 */
export class SocketReads implements OnReadOpts {
  readonly buffer: Buffer = Buffer.allocUnsafeSlow(BUFFER_BYTES);
  #listener: ((bytes: Buffer) => void) | null = null;
  /** Came before anybody listened. */
  #early: Buffer | null = null;

  /** For the socket; `false` has it read no further until it is resumed. */
  readonly callback = (length: number): boolean => {
    const bytes = this.buffer.subarray(0, length);
    if (this.#listener === null) {
      this.#early = Buffer.from(bytes);
      return false;
    }
    this.#listener(bytes);
    return true;
  };

  /** @param listener gets bytes that are there during the call alone: the next read overwrites them. */
  listen(listener: (bytes: Buffer) => void): void {
    this.#listener = listener;
    const early = this.#early;
    this.#early = null;
    if (early !== null) process.nextTick(listener, early);
  }
}
