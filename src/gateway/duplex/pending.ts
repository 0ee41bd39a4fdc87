import type { RequestFrame, Revision } from '#mcp';
import { asRpcId, idKey } from '#mcp';
import { RequestIdInUse } from '#transport';
import { Overloaded } from '../errors.ts';

/** A request of the client that has no answer yet. */
export interface Pending {
  readonly frame: RequestFrame;
  readonly revision: Revision;
  readonly abort: AbortController;
  /** Its client does not want the answer any more. */
  cancelled: boolean;
}

/** The unanswered requests of one client; on one stream only their ids tell the answers apart. */
export class PendingRequests {
  readonly #max: number;
  readonly #byId = new Map<string, Pending>();
  readonly #waiting = new Set<() => void>();

  /** @param max requests at a time. */
  constructor(max: number) {
    this.#max = max;
  }

  get size(): number {
    return this.#byId.size;
  }

  /** @throws RequestIdInUse, Overloaded */
  add(frame: RequestFrame, revision: Revision): Pending {
    const key = idKey(frame.id);
    if (this.#byId.has(key)) {
      throw new RequestIdInUse('a request with the same id is still unanswered');
    }
    if (this.#byId.size >= this.#max) {
      throw new Overloaded(`${this.#max} requests are already unanswered`, {
        details: { limit: 'max_in_flight_per_session', max: this.#max },
      });
    }
    const pending = { frame, revision, abort: new AbortController(), cancelled: false };
    this.#byId.set(key, pending);
    return pending;
  }

  remove({ frame }: Pending): void {
    this.#byId.delete(idKey(frame.id));
    if (this.#byId.size > 0) return;
    for (const resolve of this.#waiting) resolve();
    this.#waiting.clear();
  }

  /** The request with this id, if it has no answer yet. */
  find(id: unknown): Pending | undefined {
    const known = asRpcId(id);
    return known === undefined ? undefined : this.#byId.get(idKey(known));
  }

  /** Those with this method. */
  of(method: string): readonly Pending[] {
    return [...this.#byId.values()].filter(({ frame }) => frame.method === method);
  }

  /** Resolves when none is left. */
  get none(): Promise<void> {
    if (this.#byId.size === 0) return Promise.resolve();
    return new Promise((resolve) => this.#waiting.add(resolve));
  }

  abortAll(): void {
    for (const { abort } of this.#byId.values()) abort.abort();
  }
}
