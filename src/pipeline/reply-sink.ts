/** The way back to the client; the listener implements it over its HTTP response. */
export interface ReplySink {
  /** Whether an answer has begun. */
  readonly started: boolean;
  /** Answers with one JSON message. */
  json(status: number, head: ReplyHead, body: Buffer): void;
  /** Answers without a body. */
  empty(status: number, head: ReplyHead): void;
  /** Starts an event stream; nothing else may have been answered. */
  openEvents(head: ReplyHead): void;
  /**
   * Writes one event; resolves when the client has room for more, rejects when it is gone.
   *
   * @param id that the server gave the event, `null` for a message without one; left out for what is
   *   neither, such as a comment.
   */
  event(wire: Buffer, id?: string | null): Promise<void>;
  endEvents(): void;
  /** Cuts the connection of an answer that cannot be finished. */
  abort(): void;
}

/** Header values of a reply that the pipeline decides. */
export interface ReplyHead {
  readonly sessionId: string | null;
  /** Scopes that the caller's token would need for what is refused; absent where they would not do. */
  readonly neededScopes?: readonly string[];
}
