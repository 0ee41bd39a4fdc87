import type { Limits } from '#lib';
import type { Frame, JsonObject } from '#mcp';
import { isObject } from '#mcp';
import type { Upstream } from '#transport';
import { framesOf, notificationFrame, requestFrame } from '../frames.ts';
import type { Introduction } from '../meta.ts';
import { introduced, META, withMeta } from '../meta.ts';
import { toServer } from './server.ts';

const LISTEN = 'subscriptions/listen';
const ACKNOWLEDGED = 'notifications/subscriptions/acknowledged';

/** A subscription that ended is opened again after this, while its client still listens. */
const REOPEN_MS = 2000;

/** What a server is asked to tell of changes. */
export interface Filter {
  readonly toolsListChanged?: boolean;
  readonly promptsListChanged?: boolean;
  readonly resourcesListChanged?: boolean;
  readonly resourceSubscriptions?: readonly string[];
}

/** What a {@link Subscription} works with. */
export interface SubscriptionContext {
  readonly upstream: Upstream;
  readonly limits: Limits;
  readonly principal: string;
  readonly client: () => Introduction;
  readonly nextId: () => string;
  readonly onNotification: (message: Buffer) => void;
}

/**
 * The one `subscriptions/listen` of a session: it stands for the session's own stream and for
 * `resources/subscribe`, which servers of the stateless era do not have.
 */
export class Subscription {
  readonly #context: SubscriptionContext;
  #filter: Filter = {};
  #current: AbortController | null = null;
  #reopen: NodeJS.Timeout | undefined;
  #closed = false;

  constructor(context: SubscriptionContext) {
    this.#context = context;
  }

  get open(): boolean {
    return this.#current !== null;
  }

  /**
   * Asks for these changes from now on; those of before go on until the server has agreed.
   *
   * @returns what the server agreed to tell.
   * @throws what the exchange meets; the subscription of before is then still the one in force.
   */
  async want(filter: Filter): Promise<JsonObject> {
    clearTimeout(this.#reopen);
    const control = new AbortController();
    const acknowledged = Promise.withResolvers<JsonObject>();
    void this.#run(filter, control, acknowledged);
    const silent = setTimeout(
      () => acknowledged.resolve({}),
      this.#context.limits.sessionSetupTimeoutMs,
    ).unref();
    const agreed = await acknowledged.promise.finally(() => clearTimeout(silent));
    if (this.#closed) control.abort();
    this.#current?.abort();
    this.#current = control;
    this.#filter = filter;
    return agreed;
  }

  close(): void {
    this.#closed = true;
    clearTimeout(this.#reopen);
    this.#current?.abort();
    this.#current = null;
  }

  async #run(
    filter: Filter,
    control: AbortController,
    acknowledged: PromiseWithResolvers<JsonObject>,
  ): Promise<void> {
    const { upstream, limits, principal, client, nextId } = this.#context;
    const { signal } = control;
    const params = introduced({ notifications: filter }, client());
    const frame = requestFrame(nextId(), LISTEN, params);
    try {
      const reply = await upstream.exchange(toServer(frame, { principal, signal }));
      for await (const message of framesOf(reply, limits)) {
        if (message.kind === 'response') break;
        if (signal.aborted) return;
        this.#take(message, acknowledged);
      }
    } catch (thrown) {
      acknowledged.reject(thrown);
    }
    // Without an acknowledgement the server has agreed to nothing.
    acknowledged.resolve({});
    this.#ended(control);
  }

  #take(message: Frame, acknowledged: PromiseWithResolvers<JsonObject>): void {
    if (message.kind !== 'notification') return;
    const { method, params } = message;
    if (method === ACKNOWLEDGED) {
      const { notifications } = params;
      acknowledged.resolve(isObject(notifications) ? notifications : {});
      return;
    }
    const told = withMeta(params, (key) => key !== META.subscriptionId);
    this.#context.onNotification(notificationFrame(method, told).bytes);
  }

  #ended(control: AbortController): void {
    if (this.#closed || this.#current !== control) return;
    this.#current = null;
    this.#reopen = setTimeout(() => {
      // Whoever listens will be told of later changes; what fails now fails at the next call, too.
      this.want(this.#filter).catch(() => undefined);
    }, REOPEN_MS).unref();
  }
}
