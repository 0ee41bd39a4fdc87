import type { EventSink } from '#lib';

/** Without a refusal for so long it is over; a pace that was held has been let go by then. */
const QUIET_MS = 2000;

/** Tells when calls begin to be refused and when that has ended, not of each of them. */
export class Episode {
  readonly #events: EventSink;
  #refused: Record<string, number> | null = null;
  #beganAt = 0;
  #last = 0;
  #timer: NodeJS.Timeout | undefined;

  constructor(events: EventSink) {
    this.#events = events;
  }

  /** A call was refused for a limit. */
  refused(limit: string): void {
    this.#last = performance.now();
    if (this.#refused === null) this.#begin(limit);
    else this.#refused[limit] = (this.#refused[limit] ?? 0) + 1;
  }

  stop(): void {
    clearInterval(this.#timer);
  }

  #begin(limit: string): void {
    this.#refused = { [limit]: 1 };
    this.#beganAt = this.#last;
    this.#timer = setInterval(() => this.#endWhenQuiet(), QUIET_MS / 4).unref();
    this.#events({
      severity: 'warn',
      name: 'overload.began',
      message: 'there is too much to do: calls are refused',
      fields: { limit },
    });
  }

  #endWhenQuiet(): void {
    if (performance.now() - this.#last < QUIET_MS) return;
    clearInterval(this.#timer);
    const seconds = Math.round(this.#last - this.#beganAt) / 1000;
    const fields = { seconds, refused: this.#refused };
    this.#refused = null;
    this.#events({
      severity: 'info',
      name: 'overload.ended',
      message: 'calls are no longer refused',
      fields,
    });
  }
}
