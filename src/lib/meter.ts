/**
 * The metrics port: calls, counted by what they were. Rooms count; `telemetry/` implements.
 *
 * Every value comes from a bounded set, such as configured names; none is made by a client.
 */

/** How one side of a call was spoken to. */
export interface SpokenRevision {
  readonly era: 'stateful' | 'stateless';
  readonly revision: string;
}

/** What one call was. */
export interface CountedCall {
  /** `null` when no server has the name that the client asked for. */
  readonly server: string | null;
  readonly client: SpokenRevision;
  /** `null` when it was not forwarded. */
  readonly upstream: SpokenRevision | null;
  /** As in the record. */
  readonly outcome: string;
}

/** Counts what happens; must not throw and must not block. */
export interface Meter {
  /** A call has ended. */
  call(call: CountedCall): void;
  /** An HTTP request was refused before it was a call; `code` is a `POSTERN_*` code. */
  rejected(listener: string, code: string): void;
  /** A call was refused for want of room; `limit` is the name of what there was too much of. */
  shed(limit: string): void;
}
