import { UpstreamUnavailable } from '../errors.ts';
import type { Endpoint } from './endpoint.ts';

/** Where a session is. */
export interface SessionPlace {
  readonly endpoint: Endpoint;
  /** By which the server there knows it. */
  readonly id: string;
}

/** Between tag and id; no tag has one. */
const SEPARATOR = '.';

/** The endpoints of one server, each as good as any other. */
export class Endpoints {
  readonly all: readonly [Endpoint, ...Endpoint[]];
  /** Where the search for the least busy one begins: equals take turns. */
  #turn = 0;

  constructor(all: readonly [Endpoint, ...Endpoint[]]) {
    this.all = all;
  }

  /**
   * The one that is used and has the least to do.
   *
   * @param principal whose call is to go there.
   * @param lost not to be taken.
   * @throws UpstreamUnavailable when there is none.
   */
  pick(principal: string, lost: readonly Endpoint[]): Endpoint {
    const { all } = this;
    this.#turn = (this.#turn + 1) % all.length;
    let best: Endpoint | null = null;
    for (let step = 0; step < all.length; step += 1) {
      const endpoint = all[(this.#turn + step) % all.length];
      if (endpoint === undefined || lost.includes(endpoint)) continue;
      if (!endpoint.breaker.isReady(principal)) continue;
      if (best === null || endpoint.inFlight < best.inFlight) best = endpoint;
    }
    if (best === null) throw unavailable(this.all);
    return best;
  }

  /** Whether {@link pick} would find one. */
  has(principal: string, lost: readonly Endpoint[]): boolean {
    return this.all.some(
      (endpoint) => !lost.includes(endpoint) && endpoint.breaker.isReady(principal),
    );
  }

  /**
   * The id of a session as the rest of the gateway knows it. Of several endpoints it names one, so
   * that it is found again after a restart, and by other gateways. An empty id is none, and stays so.
   */
  nameSession({ endpoint, id }: SessionPlace): string {
    return this.all.length === 1 || id === '' ? id : endpoint.tag + SEPARATOR + id;
  }

  /** Where such a session is; `null` when its endpoint is none of these. */
  placeOf(sessionId: string): SessionPlace | null {
    if (this.all.length === 1) return { endpoint: this.all[0], id: sessionId };
    const at = sessionId.indexOf(SEPARATOR);
    const tag = sessionId.slice(0, Math.max(at, 0));
    const endpoint = this.all.find((one) => one.tag === tag);
    return endpoint === undefined ? null : { endpoint, id: sessionId.slice(at + 1) };
  }
}

/** What a call is told that no endpoint takes; @param endpoints those that it could have gone to. */
export function unavailable(endpoints: readonly Endpoint[]): Error {
  const waitMs = Math.min(...endpoints.map(({ breaker }) => breaker.waitMs));
  const seconds = Math.ceil(waitMs / 100) / 10;
  const reasons = endpoints.flatMap(({ breaker }) => breaker.fault?.reason ?? []);
  return new UpstreamUnavailable(
    `${reasons.join('; ')}; it is tried again in ${seconds} s at the earliest`,
    { details: { retry_after_seconds: seconds } },
  );
}
