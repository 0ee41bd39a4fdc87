import type { Limits } from '#lib';
import type { Frame, JsonObject, NotificationFrame, RequestFrame } from '#mcp';
import { isObject } from '#mcp';
import type { Upstream } from '#transport';
import { UpstreamUnavailable } from '#transport';
import { notificationFrame, resultFrame } from '../frames.ts';
import type { Introduction } from '../meta.ts';
import { addMeta, META } from '../meta.ts';
import { Inbox } from './inbox.ts';
import type { Initialized } from './server-session.ts';
import { ServerSession } from './server-session.ts';

/** The lists of which a server may tell that they have changed. */
const LISTS = ['tools', 'prompts', 'resources'] as const;
const UPDATED = 'notifications/resources/updated';

/** What a {@link Listening} works with. */
export interface ListeningContext {
  readonly upstream: Upstream;
  readonly limits: Limits;
  readonly principal: string;
  readonly client: Introduction;
}

/**
 * One `subscriptions/listen` of a stateless client: a session of its own with the server, which is
 * subscribed to what the client wants to hear of and listened to.
 */
export class Listening {
  readonly #context: ListeningContext;
  readonly #asked: RequestFrame;
  readonly #session: ServerSession;
  readonly #changes = new Inbox<NotificationFrame>();
  readonly #uris: readonly string[];
  readonly #wanted: ReadonlySet<string>;

  constructor(context: ListeningContext, asked: RequestFrame) {
    const { upstream, limits, principal } = context;
    this.#context = context;
    this.#asked = asked;
    const filter = isObject(asked.params['notifications']) ? asked.params['notifications'] : {};
    this.#wanted = new Set(
      LISTS.filter((list) => filter[`${list}ListChanged`] === true).map(changeOf),
    );
    const { resourceSubscriptions: uris = [] } = filter;
    const named = Array.isArray(uris) ? uris.filter((uri) => typeof uri === 'string') : [];
    // Each is a request of its own to the server; what is not agreed to, the client is told.
    this.#uris = named.slice(0, limits.maxInFlightPerSession);
    this.#session = new ServerSession({
      upstream,
      limits,
      principal,
      onMessage: (frame, session) => this.#heard(frame, session),
    });
  }

  get principal(): string {
    return this.#context.principal;
  }

  /**
   * What the client is to get: the acknowledgement, then each change, until it goes.
   *
   * @throws UpstreamUnavailable when the server tells of no more changes.
   */
  async *frames(): AsyncGenerator<Frame, void> {
    // Nobody could answer the server here.
    const client = { ...this.#context.client, capabilities: {}, logLevel: null };
    const server = await this.#session.open(client);
    const hasStream = await this.#session.listen();
    // Of changes of lists a server without a stream may still tell amid calls.
    const agreed = { ...this.#lists(server), ...(hasStream && (await this.#subscribe(server))) };
    yield this.#tagged('notifications/subscriptions/acknowledged', { notifications: agreed });
    if (hasStream) void this.#endWithStream();
    for (;;) {
      const change = await this.#changes.take();
      if (change === null) break;
      yield this.#tagged(change.method, change.params);
    }
    const closing = addMeta({ resultType: 'complete' }, META.subscriptionId, this.#asked.id);
    yield resultFrame(this.#asked.id, closing);
  }

  /** Takes a change that the server tells of, in whichever session. */
  tell(change: NotificationFrame): void {
    const { method, params } = change;
    const isWanted =
      method === UPDATED ? this.#uris.includes(String(params['uri'])) : this.#wanted.has(method);
    if (isWanted) this.#changes.offer(change, change.bytes.length, this.#context.limits);
  }

  /** Ends the subscription; resolves when the server has been told. */
  async close(): Promise<void> {
    this.#changes.close();
    await this.#session.end();
  }

  #heard(frame: Frame, session: ServerSession): Promise<void> | void {
    if (frame.kind === 'notification') this.tell(frame);
    if (frame.kind === 'request') return session.answerAlone(frame);
  }

  /** Nobody knows what is missed once the stream has ended, so the client has to begin anew. */
  async #endWithStream(): Promise<void> {
    await this.#session.streamEnd();
    this.#changes.end(new UpstreamUnavailable('the server has ended the stream of its changes'));
  }

  /** The lists of whose changes the server tells, of those that are wanted. */
  #lists({ capabilities }: Initialized): JsonObject {
    const lists = LISTS.filter((list) => {
      const offered = capabilities[list];
      return (
        this.#wanted.has(changeOf(list)) && isObject(offered) && offered['listChanged'] === true
      );
    });
    return Object.fromEntries(lists.map((list) => [`${list}ListChanged`, true]));
  }

  /** Subscribes to each resource; what the server agreed to. */
  async #subscribe({ capabilities }: Initialized): Promise<JsonObject> {
    const { resources } = capabilities;
    if (!isObject(resources) || resources['subscribe'] !== true) return {};
    const subscribed: string[] = [];
    for (const uri of this.#uris) {
      const taken = await this.#session.ask('resources/subscribe', { uri }).then(
        () => true,
        () => false,
      );
      if (taken) subscribed.push(uri);
    }
    return subscribed.length === 0 ? {} : { resourceSubscriptions: subscribed };
  }

  #tagged(method: string, params: JsonObject): Frame {
    return notificationFrame(method, addMeta(params, META.subscriptionId, this.#asked.id));
  }
}

function changeOf(list: (typeof LISTS)[number]): string {
  return `notifications/${list}/list_changed`;
}
