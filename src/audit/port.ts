/** Where the record is kept: owned by this room, implemented in `store/`. */
export interface RecordStore {
  /**
   * Appends the lines in this order; each ends in a line feed. When it resolves they are stored as
   * safely as the store promises (a durable one: they survive a power cut). It is never called
   * again before it has settled.
   *
   * When it rejects, any part of the lines may be stored. The caller then gives the same lines
   * again, and the store first removes what is left of the failed attempt, so that none is kept
   * twice.
   */
  append(lines: readonly Buffer[]): Promise<void>;
  /** Releases the store; nothing is appended after. */
  close(): Promise<void>;
}
