import type { RequestFrame } from '#mcp';
import { asRpcId, idKey, metaOf } from '#mcp';
import { RequestIdInUse, UpstreamOverloaded } from '#transport';

/** A client's request that has no answer yet. */
interface Request {
  readonly token: string | null;
  /** The member that has it, `null` when it is for several. */
  server: string | null;
  readonly cancel: AbortController;
}

/** The requests of one session that are under way, for cancelling them and for their progress. */
export class Pending {
  readonly #max: number;
  readonly #requests = new Map<string, Request>();

  constructor(max: number) {
    this.#max = max;
  }

  get size(): number {
    return this.#requests.size;
  }

  /**
   * Runs a request.
   *
   * @param run is given the signal that a cancellation of a request for several members aborts.
   * @throws RequestIdInUse, UpstreamOverloaded, and what `run` throws.
   */
  async during<Reply>(
    frame: RequestFrame,
    run: (cancelled: AbortSignal) => Promise<Reply>,
  ): Promise<Reply> {
    const key = idKey(frame.id);
    if (this.#requests.has(key)) {
      throw new RequestIdInUse('a request with this id is not answered yet');
    }
    if (this.#requests.size >= this.#max) {
      throw new UpstreamOverloaded(`${this.#max} requests of this session are not answered yet`, {
        details: { limit: 'max_in_flight_per_session', max: this.#max },
      });
    }
    const token = asRpcId(metaOf(frame.params)['progressToken']);
    const cancel = new AbortController();
    this.#requests.set(key, {
      token: token === undefined ? null : idKey(token),
      server: null,
      cancel,
    });
    try {
      return await run(cancel.signal);
    } finally {
      this.#requests.delete(key);
    }
  }

  /** Says which member has a request. */
  at(frame: RequestFrame, server: string): void {
    const request = this.#requests.get(idKey(frame.id));
    if (request !== undefined) request.server = server;
  }

  /** The member that has the request with this id; a request for several is cancelled at once. */
  cancel(id: unknown): string | null {
    const key = asRpcId(id);
    const request = key === undefined ? undefined : this.#requests.get(idKey(key));
    if (request?.server === null) request.cancel.abort();
    return request?.server ?? null;
  }

  /** Whether a member works on a request with this progress token. */
  hasToken(server: string, token: unknown): boolean {
    const id = asRpcId(token);
    if (id === undefined) return false;
    const key = idKey(id);
    return [...this.#requests.values()].some(
      (request) => request.server === server && request.token === key,
    );
  }
}
