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

/** The lists of which a server may tell that they have changed. */
const LISTS = ['tools', 'prompts', 'resources'] as const;

/** A subscription that the server ended is opened again after this, if its client still listens. */
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
  /** Whether somebody listens. */
  readonly isRead: () => boolean;
}

/**
 * The one `subscriptions/listen` of a session: it stands for the session's own stream and for
 * `resources/subscribe`, which servers of the stateless era do not have.
 */
export class Subscription {
  readonly #context: SubscriptionContext;
  /** Changes of the filter, one after the other. */
  #changes: Promise<unknown> = Promise.resolve();
  #current: AbortController | null = null;
  #reopen: NodeJS.Timeout | undefined;
  /** What was agreed to has ended; the client does not know what has changed since. */
  #isBehind = false;
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
   * @throws what the exchange meets; nothing is subscribed to then.
   */
  want(filter: Filter): Promise<JsonObject> {
    const change = this.#changes.then(() => this.#change(filter));
    this.#changes = change.catch(() => undefined);
    return change;
  }

  /** Asks for these changes as soon as the server can be reached, for as long as somebody listens. */
  keep(filter: Filter): void {
    this.want(filter).catch(() => this.#reopenLater(filter));
  }

  close(): void {
    this.#closed = true;
    this.#drop();
  }

  async #change(filter: Filter): Promise<JsonObject> {
    if (this.#closed || Object.keys(filter).length === 0) {
      this.#drop();
      return {};
    }
    clearTimeout(this.#reopen);
    const before = this.#current;
    const control = new AbortController();
    this.#current = control;
    try {
      return await this.#opened(filter, control);
    } catch (thrown) {
      this.#drop();
      throw thrown;
    } finally {
      before?.abort();
      if (this.#closed) control.abort();
    }
  }

  /** What the server agrees to; nothing when it does not say in time, or refuses. */
  async #opened(filter: Filter, control: AbortController): Promise<JsonObject> {
    const acknowledged = Promise.withResolvers<JsonObject>();
    const { sessionSetupTimeoutMs } = this.#context.limits;
    const silent = setTimeout(() => acknowledged.resolve({}), sessionSetupTimeoutMs).unref();
    void this.#follow(filter, control, acknowledged);
    return acknowledged.promise.finally(() => clearTimeout(silent));
  }

  async #follow(
    filter: Filter,
    control: AbortController,
    acknowledged: PromiseWithResolvers<JsonObject>,
  ): Promise<void> {
    const agreed = await this.#run(filter, control.signal, acknowledged);
    if (this.#current !== control) return;
    this.#current = null;
    if (!agreed) return;
    this.#isBehind = true;
    this.#reopenLater(filter);
  }

  /** Listens to the end; whether the server had agreed to anything. */
  async #run(
    filter: Filter,
    signal: AbortSignal,
    acknowledged: PromiseWithResolvers<JsonObject>,
  ): Promise<boolean> {
    const { upstream, limits, principal, client, nextId } = this.#context;
    const params = introduced({ notifications: filter }, client());
    const frame = requestFrame(nextId(), LISTEN, params);
    let agreed = false;
    try {
      const reply = await upstream.exchange(toServer(frame, { principal, signal }));
      for await (const message of framesOf(reply, limits)) {
        if (message.kind === 'response' || signal.aborted) break;
        agreed ||= message.kind === 'notification' && message.method === ACKNOWLEDGED;
        this.#take(message, filter, acknowledged);
      }
    } catch (thrown) {
      acknowledged.reject(thrown);
    }
    acknowledged.resolve({});
    return agreed;
  }

  #take(message: Frame, filter: Filter, acknowledged: PromiseWithResolvers<JsonObject>): void {
    if (message.kind !== 'notification') return;
    const { method, params } = message;
    if (method === ACKNOWLEDGED) {
      const { notifications } = params;
      const agreed = isObject(notifications) ? notifications : {};
      acknowledged.resolve(agreed);
      if (this.#isBehind) this.#catchUp(filter, agreed);
      return;
    }
    const told = withMeta(params, (key) => key !== META.subscriptionId);
    this.#context.onNotification(notificationFrame(method, told).bytes);
  }

  /** Whatever has changed while nobody told of it: the client is to look itself. */
  #catchUp(filter: Filter, agreed: JsonObject): void {
    this.#isBehind = false;
    const { onNotification } = this.#context;
    for (const list of LISTS.filter((name) => agreed[`${name}ListChanged`] === true)) {
      onNotification(notificationFrame(`notifications/${list}/list_changed`, {}).bytes);
    }
    const { resourceSubscriptions: told } = agreed;
    for (const uri of filter.resourceSubscriptions ?? []) {
      if (!Array.isArray(told) || !told.includes(uri)) continue;
      onNotification(notificationFrame('notifications/resources/updated', { uri }).bytes);
    }
  }

  #reopenLater(filter: Filter): void {
    if (this.#closed) return;
    this.#reopen = setTimeout(() => {
      if (this.#current !== null || !this.#context.isRead()) return;
      // What fails here fails when the client next asks for something, too, who is then told.
      this.keep(filter);
    }, REOPEN_MS).unref();
  }

  #drop(): void {
    clearTimeout(this.#reopen);
    this.#current?.abort();
    this.#current = null;
  }
}
