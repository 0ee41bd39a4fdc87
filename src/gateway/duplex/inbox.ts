import type { Limits } from '#lib';
import type { Frame } from '#mcp';
import { Overloaded } from '../errors.ts';

/** Messages of a client that wait for those before them. */
export class Inbox {
  readonly #limits: Pick<Limits, 'maxQueuedMessages' | 'maxRequestBytes'>;
  #turn: Promise<void> = Promise.resolve();
  #messages = 0;
  #bytes = 0;

  constructor(limits: Pick<Limits, 'maxQueuedMessages' | 'maxRequestBytes'>) {
    this.#limits = limits;
  }

  /** Whether nothing is taken in at present. */
  get isFull(): boolean {
    const { maxQueuedMessages, maxRequestBytes } = this.#limits;
    return this.#messages >= maxQueuedMessages || this.#bytes >= maxRequestBytes;
  }

  /** Resolves when everything that came so far has been taken. */
  get empty(): Promise<void> {
    return this.#turn;
  }

  /**
   * Adds messages and hands each to `take` when `take` is done with those before it.
   *
   * @throws Overloaded when too many wait already.
   */
  add(frames: readonly Frame[], take: (frame: Frame) => Promise<void>): void {
    if (this.isFull) {
      const max = this.#limits.maxQueuedMessages;
      throw new Overloaded(`${this.#messages} messages wait for those before them`, {
        details: { limit: 'max_queued_messages', max },
      });
    }
    for (const frame of frames) {
      this.#messages += 1;
      this.#bytes += frame.bytes.length;
      this.#turn = this.#after(this.#turn, frame, take);
    }
  }

  async #after(
    turn: Promise<void>,
    frame: Frame,
    take: (frame: Frame) => Promise<void>,
  ): Promise<void> {
    await turn;
    await take(frame);
    this.#messages -= 1;
    this.#bytes -= frame.bytes.length;
  }
}
