/** Sends messages to the client one after the other, each when there is room for it. */
export class Outbox {
  readonly #write: (message: Buffer) => Promise<void>;
  readonly #onFailed: (cause: unknown) => void;
  #tail: Promise<void> = Promise.resolve();
  #closed = false;

  /**
   * @param write resolves when the client has room for more, rejects when it is gone.
   * @param onFailed called when it is.
   */
  constructor(write: (message: Buffer) => Promise<void>, onFailed: (cause: unknown) => void) {
    this.#write = write;
    this.#onFailed = onFailed;
  }

  /** Resolves when everything sent so far has been taken, or nobody takes it any more. */
  get taken(): Promise<void> {
    return this.#tail;
  }

  /**
   * Sends one message after those before it; resolves as `taken` does. What is sent after the end is
   * dropped.
   */
  send(message: Buffer): Promise<void> {
    this.#tail = this.#after(this.#tail, message);
    return this.#tail;
  }

  /** Drops what is still waiting. */
  close(): void {
    this.#closed = true;
  }

  async #after(tail: Promise<void>, message: Buffer): Promise<void> {
    await tail;
    if (this.#closed) return;
    try {
      await this.#write(message);
    } catch (thrown) {
      if (this.#closed) return;
      this.#closed = true;
      this.#onFailed(thrown);
    }
  }
}
