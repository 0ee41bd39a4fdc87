import type { Limits } from '#lib';
import type { StreamEvent } from '#transport';
import { eventOf, unlessGone } from './reply.ts';

/**
 * Messages for one client that belong to no call of it. They go to whoever reads; without a reader the
 * newest of them wait for the next.
 */
export class Outbox {
  readonly #limits: Pick<Limits, 'maxQueuedMessages' | 'sseBufferBytes'>;
  #messages: Buffer[] = [];
  #bytes = 0;
  #reader: object | null = null;
  #wake: PromiseWithResolvers<void> | null = null;
  #closed = false;

  constructor(limits: Pick<Limits, 'maxQueuedMessages' | 'sseBufferBytes'>) {
    this.#limits = limits;
  }

  /** Whether somebody reads. */
  get read(): boolean {
    return this.#reader !== null;
  }

  /** Adds a message; past the bounds the oldest that waits goes. */
  push(message: Buffer): void {
    if (this.#closed) return;
    // Copied: a small message must not hold the whole chunk that it was read from.
    this.#messages.push(Buffer.from(message));
    this.#bytes += message.length;
    const { maxQueuedMessages, sseBufferBytes } = this.#limits;
    while (this.#messages.length > maxQueuedMessages || this.#bytes > sseBufferBytes) this.#shift();
    this.#wake?.resolve();
  }

  /**
   * What is in it and what comes, for as long as nobody else reads.
   *
   * @param onLost called when this reader lets go.
   */
  async *events(signal: AbortSignal, onLost: () => void): AsyncGenerator<StreamEvent, void> {
    const me = {};
    this.#reader = me;
    this.#wake?.resolve();
    try {
      while (this.#reader === me && !this.#closed) {
        const message = this.#shift();
        if (message !== undefined) yield eventOf(message);
        else await unlessGone(this.#more(), signal);
      }
    } finally {
      if (this.#reader === me) {
        this.#reader = null;
        onLost();
      }
    }
  }

  /** Ends the reading. */
  close(): void {
    this.#closed = true;
    this.#messages = [];
    this.#wake?.resolve();
  }

  async #more(): Promise<void> {
    this.#wake = Promise.withResolvers();
    await this.#wake.promise;
  }

  #shift(): Buffer | undefined {
    const message = this.#messages.shift();
    this.#bytes -= message?.length ?? 0;
    return message;
  }
}
