import type { Limits, PosternError } from '#lib';
import type { NotificationFrame, RequestFrame, RpcId } from '#mcp';
import { asRpcId, idKey, paramOf } from '#mcp';
import { RequestIdInUse, UpstreamOverloaded, UpstreamTimeout } from '../errors.ts';
import type { CallContext } from './call.ts';
import { Call, tokenKey } from './call.ts';
import type { Outgoing } from './channel.ts';

/** The request that opens a subscription (2026-07-28); it stays unanswered until the end of it. */
export const LISTEN = 'subscriptions/listen';

/** Given-up ids that are remembered, of requests that a server has not answered late either. */
const MAX_GIVEN_UP = 1024;

/** The unanswered requests over one channel. */
export class Calls {
  readonly #limits: Limits;
  readonly #idsRecur: boolean;
  readonly #byId = new Map<string, Call>();
  readonly #byToken = new Map<string, Call>();
  /** Ids that were cancelled or timed out: a late answer must not meet a new request. */
  readonly #givenUp = new Set<string>();

  /** @param idsRecur whether a request may come under the id of an earlier one. */
  constructor(limits: Limits, idsRecur = true) {
    this.#limits = limits;
    this.#idsRecur = idsRecur;
  }

  get size(): number {
    return this.#byId.size;
  }

  /** How many of them somebody still waits for. */
  get wanted(): number {
    return this.all().filter((call) => call.wanted).length;
  }

  /** Whether the request could be told apart from every other one here, and from those given up. */
  canTake(frame: RequestFrame): boolean {
    const key = idKey(frame.id);
    const token = tokenKey(frame);
    if (this.#byId.has(key) || this.#givenUp.has(key)) return false;
    if (token !== null && this.#byToken.has(token)) return false;
    // A given-up id that is forgotten could be taken again, and its late answer for that of another.
    if (this.#givenUp.size >= MAX_GIVEN_UP) return false;
    return this.#byId.size < this.#limits.maxInFlightPerSession;
  }

  /**
   * Registers a request.
   *
   * @throws RequestIdInUse when its id is taken, or was given up and might still be answered.
   * @throws UpstreamOverloaded when too many requests are unanswered.
   */
  start(frame: RequestFrame, context: CallContext): Call {
    const key = idKey(frame.id);
    if (this.#byId.has(key) || this.#givenUp.has(key)) {
      throw new RequestIdInUse('a request with the same id is still unanswered');
    }
    const max = this.#limits.maxInFlightPerSession;
    if (this.#byId.size >= max) {
      throw new UpstreamOverloaded(`${max} requests are already unanswered`, {
        details: { limit: 'max_in_flight_per_session', max },
      });
    }
    const call = new Call(frame, context);
    this.#byId.set(key, call);
    if (call.token !== null) this.#byToken.set(call.token, call);
    return call;
  }

  /** The request with this id. */
  find(id: unknown): Call | undefined {
    const known = asRpcId(id);
    return known === undefined ? undefined : this.#byId.get(idKey(known));
  }

  /** The request with this id, which is no longer registered. */
  take(id: RpcId): Call | undefined {
    const key = idKey(id);
    this.#givenUp.delete(key);
    const call = this.#byId.get(key);
    if (call !== undefined) this.#remove(call);
    return call;
  }

  /** The request that a progress notification is about. */
  byProgress(frame: NotificationFrame): Call | undefined {
    const token = asRpcId(paramOf(frame, 'progressToken'));
    return token === undefined ? undefined : this.#byToken.get(idKey(token));
  }

  /** Forgets a request that the server may yet answer. */
  giveUp(call: Call): void {
    this.#remove(call);
    // No server answers a subscription that was ended. A client that starts anew subscribes with the
    // ids of before, and in another process it would hear nothing of what its calls change.
    if (call.frame.method === LISTEN || !this.#idsRecur) return;
    this.#givenUp.add(call.key);
    const [oldest] = this.#givenUp;
    if (this.#givenUp.size > MAX_GIVEN_UP && oldest !== undefined) this.#givenUp.delete(oldest);
  }

  /** Every request, the oldest first. */
  all(): readonly Call[] {
    return [...this.#byId.values()];
  }

  /** Fails every request. */
  failAll(error: PosternError): void {
    for (const call of this.all()) {
      this.#remove(call);
      call.fail(error);
    }
  }

  /** Counts silence anew for every request. */
  touchAll(now: number): void {
    for (const call of this.#byId.values()) call.heardAt = now;
  }

  /** What is wrong with a request's duration, `null` when nothing is. */
  overdue(call: Call, now: number): PosternError | null {
    const { upstreamIdleTimeoutMs, callMaxMs } = this.#limits;
    if (now - call.startedAt > callMaxMs) {
      return new UpstreamTimeout(`the server did not answer within ${callMaxMs} ms`, {
        details: { limit: 'call_max_ms', max: callMaxMs },
      });
    }
    if (now - call.heardAt <= upstreamIdleTimeoutMs) return null;
    return new UpstreamTimeout(`the server said nothing for ${upstreamIdleTimeoutMs} ms`, {
      details: { limit: 'upstream_idle_timeout_ms', max: upstreamIdleTimeoutMs },
    });
  }

  #remove(call: Call): void {
    this.#byId.delete(call.key);
    if (call.token !== null && this.#byToken.get(call.token) === call)
      this.#byToken.delete(call.token);
  }
}

/** `notifications/cancelled` for a request, as the gateway sends it on its client's behalf. */
export function cancelledMessage(id: RpcId, reason: string): Outgoing {
  const method = 'notifications/cancelled';
  const message = { jsonrpc: '2.0', method, params: { requestId: id, reason } };
  return { kind: 'notification', bytes: Buffer.from(JSON.stringify(message)) };
}
