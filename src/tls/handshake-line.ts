import { mayHold } from '#lib';

/** What handshakes that begin in one turn of the event loop may take together; one always may. */
const TURN_MS = 2;

type Begin = () => void;

/**
 * Spreads the beginnings of handshakes, the most expensive thing that a stranger can ask for, over the
 * turns of the event loop, so that connections that are up get their turns in between. While nobody
 * waits, a handshake begins at once. Sources take turns.
 */
export class HandshakeLine {
  readonly #max: number;
  /** The sources that wait; whose turn it is comes first. */
  readonly #lines = new Map<string, Set<Begin>>();
  #size = 0;
  /** What this turn's handshakes have taken so far. */
  #spentMs = 0;
  /** Whether a handshake is at work in this very tick. */
  #beginning = false;
  #armed = false;

  /** @param max handshakes that may wait. */
  constructor(max: number) {
    this.#max = max;
  }

  /**
   * Has a handshake begin when it is its turn.
   *
   * @param begin leads to the work that is to be spread, before or in the ticks that it asks for.
   * @returns how to give up waiting, which is for nothing once it has begun; `null` when it may not wait.
   */
  join(source: string, begin: Begin): (() => void) | null {
    if (this.#size === 0 && this.#hasTime()) {
      this.#begin(begin);
      return () => undefined;
    }
    const line = this.#lines.get(source) ?? new Set();
    if (!mayHold(line.size, 1, this.#max - this.#size)) return null;
    this.#lines.set(source, line.add(begin));
    this.#size += 1;
    this.#arm();
    return () => this.#leave(source, begin);
  }

  #hasTime(): boolean {
    return !this.#beginning && this.#spentMs < TURN_MS;
  }

  #begin(begin: Begin): void {
    this.#arm();
    this.#beginning = true;
    const beganAt = performance.now();
    begin();
    // Node has OpenSSL read what a socket had already in a tick of its own.
    process.nextTick(() => {
      this.#spentMs += performance.now() - beganAt;
      this.#beginning = false;
      this.#next();
    });
  }

  /** Goes on in the next turn, after everybody else has had theirs. */
  #arm(): void {
    if (this.#armed) return;
    this.#armed = true;
    setImmediate(() => {
      this.#armed = false;
      this.#spentMs = 0;
      this.#next();
    });
  }

  #next(): void {
    const [first] = this.#lines;
    if (first === undefined || !this.#hasTime()) return;
    const [source, line] = first;
    const [begin] = line;
    // The others have their turn before this one has its next.
    this.#lines.delete(source);
    this.#lines.set(source, line);
    if (begin === undefined) return;
    this.#leave(source, begin);
    this.#begin(begin);
  }

  #leave(source: string, begin: Begin): void {
    const line = this.#lines.get(source);
    if (line?.delete(begin) !== true) return;
    this.#size -= 1;
    if (line.size === 0) this.#lines.delete(source);
  }
}
