import type { Limits } from '#lib';
import { mayHold } from '#lib';
import { Overloaded } from '../errors.ts';
import type { AnswerRoom } from '../http-sink.ts';
import type { BodyRoom } from '../body.ts';
import type { Caller } from './callers.ts';

/** What all calls together hold. */
type Held = Pick<Caller, 'calls' | 'bodyBytes' | 'answerBytes'>;

/** What one call that was let in holds, until it is left. */
export class Place implements BodyRoom, AnswerRoom {
  readonly #caller: Caller;
  readonly #held: Held;
  readonly #limits: Pick<Limits, 'maxBodyBytesInFlight' | 'maxAnswerBytesWaiting'>;
  readonly #onCut: () => void;
  #bodyBytes = 0;
  #answerBytes = 0;
  #left = false;

  /** @param onCut called when there is no room for an answer. */
  constructor(
    caller: Caller,
    held: Held,
    limits: Pick<Limits, 'maxBodyBytesInFlight' | 'maxAnswerBytesWaiting'>,
    onCut: () => void,
  ) {
    this.#caller = caller;
    this.#held = held;
    this.#limits = limits;
    this.#onCut = onCut;
    caller.calls += 1;
    held.calls += 1;
  }

  take(bytes: number): void {
    const free = this.#limits.maxBodyBytesInFlight - this.#held.bodyBytes;
    if (!mayHold(this.#caller.bodyBytes, bytes, free)) {
      throw new Overloaded('too many request bodies are in flight', {
        details: { limit: 'max_body_bytes_in_flight' },
      });
    }
    this.#bodyBytes += bytes;
    this.#caller.bodyBytes += bytes;
    this.#held.bodyBytes += bytes;
  }

  keep(bytes: number): boolean {
    // A stream that stays open has left its place, and nobody would give the bytes back.
    if (this.#left) return true;
    const free = this.#limits.maxAnswerBytesWaiting - this.#held.answerBytes;
    if (!mayHold(this.#caller.answerBytes, bytes, free)) {
      this.#onCut();
      return false;
    }
    this.#answerBytes += bytes;
    this.#caller.answerBytes += bytes;
    this.#held.answerBytes += bytes;
    return true;
  }

  /** Gives back what it holds; again does nothing. */
  leave(): void {
    if (this.#left) return;
    this.#left = true;
    for (const account of [this.#caller, this.#held]) {
      account.calls -= 1;
      account.bodyBytes -= this.#bodyBytes;
      account.answerBytes -= this.#answerBytes;
    }
  }
}
