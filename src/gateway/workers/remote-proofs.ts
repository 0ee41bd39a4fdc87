import type { ReplayGuard } from '#oauth';
import { ProofsExhausted } from '#oauth';
import type { ProofAnswer } from './talk.ts';

/** Asks the thread that remembers the proofs of all workers: one that was used with one of them is used. */
export class RemoteProofs implements ReplayGuard {
  readonly #ask: (question: number, id: string) => void;
  readonly #open = new Map<number, (answer: ProofAnswer) => void>();
  #lastQuestion = 0;

  /** @param ask to be answered by {@link answered}. */
  constructor(ask: (question: number, id: string) => void) {
    this.#ask = ask;
  }

  async firstUse(id: string): Promise<boolean> {
    this.#lastQuestion += 1;
    const question = this.#lastQuestion;
    const answer = await new Promise<ProofAnswer>((resolve) => {
      this.#open.set(question, resolve);
      this.#ask(question, id);
    });
    if (answer === 'exhausted') throw new ProofsExhausted('no more DPoP proofs can be remembered');
    return answer === 'first';
  }

  answered(question: number, answer: ProofAnswer): void {
    this.#open.get(question)?.(answer);
    this.#open.delete(question);
  }
}
