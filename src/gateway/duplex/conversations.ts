import { ServerDenied } from '#pipeline';
import type { Conversation } from './conversation.ts';

/** The conversations that go on, of whatever transport. */
export class Conversations {
  /** With whether the connection below is to end as soon as it can. */
  readonly #open = new Map<Conversation, () => boolean>();
  #stopping = false;

  get stopping(): boolean {
    return this.#stopping;
  }

  get count(): number {
    return this.#open.size;
  }

  /** @param isOutdated whether the connection below is to end as soon as it can. */
  add(conversation: Conversation, isOutdated: () => boolean = () => false): void {
    this.#open.set(conversation, isOutdated);
    void conversation.ended.then(() => this.#open.delete(conversation));
    if (this.#stopping) void conversation.close(null);
  }

  /**
   * Ends those that policy does not permit any more, and those whose connection is to end, these after
   * the requests that have come; in the others the subscriptions that are not permitted.
   */
  recheck(timeoutMs: number): void {
    for (const [conversation, isOutdated] of this.#open) {
      if (!conversation.isStillPermitted()) {
        void conversation.close(new ServerDenied('policy no longer allows this client to listen'));
      } else if (isOutdated() && !conversation.isFinishing) {
        void conversation.finish(timeoutMs);
      } else {
        conversation.endDenied();
      }
    }
  }

  /** Lets requests that have come be answered within a time, then ends everything. */
  async drain(timeoutMs: number): Promise<void> {
    this.#stopping = true;
    await Promise.all([...this.#open.keys()].map((each) => each.finish(timeoutMs)));
  }
}
