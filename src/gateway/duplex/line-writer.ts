import type { Writable } from 'node:stream';
import type { Limits } from '#lib';
import { CallCancelled, ReaderTooSlow } from '#transport';

const LINE_END = Buffer.from('\n');

/** Writes lines to a stream, at the pace that they are read. */
export class LineWriter {
  readonly #output: Writable;
  readonly #limits: Pick<Limits, 'slowReaderTimeoutMs'>;

  constructor(output: Writable, limits: Pick<Limits, 'slowReaderTimeoutMs'>) {
    this.#output = output;
    this.#limits = limits;
  }

  /**
   * Writes one line; resolves when it has been handed to the system.
   *
   * @throws CallCancelled when nobody reads any more, ReaderTooSlow when nobody did for too long.
   */
  write(line: Buffer): Promise<void> {
    const { slowReaderTimeoutMs } = this.#limits;
    return new Promise((resolve, reject) => {
      const timer = setTimeout(() => {
        reject(new ReaderTooSlow(`the reader took nothing for ${slowReaderTimeoutMs} ms`));
      }, slowReaderTimeoutMs);
      this.#output.write(Buffer.concat([line, LINE_END]), (failure) => {
        clearTimeout(timer);
        if (failure) reject(new CallCancelled('the client went away', { cause: failure }));
        else resolve();
      });
    });
  }
}
