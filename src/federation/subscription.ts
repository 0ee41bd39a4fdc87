import type { Frame, JsonObject } from '#mcp';
import { isObject, metaOf } from '#mcp';
import type { Call, ReplySink } from '#pipeline';
import { isStillPermitted } from '#pipeline';
import { formatEvent } from '#transport';
import { Changes } from './changes.ts';
import { notificationFrame, requestFrame } from './frames.ts';
import { keepOpen } from './member-stream.ts';
import type { Member } from './members.ts';
import { isListChange, rewriteNotification } from './rewrite.ts';
import { federatedUri } from './uris.ts';
import type { Era, RequestVisit, Visit } from './visit.ts';

const SUBSCRIPTION_ID = 'io.modelcontextprotocol/subscriptionId';

/** Flags of the filter, with the notification that each asks for. */
export const FLAGS: Readonly<Record<string, string>> = {
  toolsListChanged: 'notifications/tools/list_changed',
  promptsListChanged: 'notifications/prompts/list_changed',
  resourcesListChanged: 'notifications/resources/list_changed',
};

const UPDATED = 'notifications/resources/updated';

/** What a member has agreed to tell: flags of the filter, and its own URIs. */
interface Honored {
  readonly flags: readonly string[];
  readonly own: readonly string[];
}

/** One client's subscription, and those at the members of which it is made. */
export class Subscription {
  readonly changes: Changes;
  readonly #visit: RequestVisit;
  readonly #sink: ReplySink;
  readonly #meta: JsonObject;
  readonly #honored = new Map<Member, Honored>();
  #unanswered = 0;
  readonly #all = Promise.withResolvers<void>();
  /** Resolves when the client has had its acknowledgement, before which it may hear nothing. */
  readonly #acknowledged = Promise.withResolvers<void>();

  constructor(visit: RequestVisit, sink: ReplySink) {
    const meta = { [SUBSCRIPTION_ID]: visit.frame.id };
    this.#visit = visit;
    this.#sink = sink;
    this.#meta = meta;
    const asked = visit.frame.params['notifications'];
    const filter = isObject(asked) ? asked : {};
    const wanted = new Set(
      Object.entries(FLAGS).flatMap(([key, method]) => (filter[key] === true ? [method] : [])),
    );
    this.changes = new Changes(
      (message) => void this.#acknowledged.promise.then(() => this.#send(message)),
      { _meta: meta },
      (method) => wanted.has(method),
    );
  }

  /** Keeps one member's subscription open until the client leaves. */
  async follow(era: Era, member: Member, filter: JsonObject): Promise<void> {
    const { call } = this.#visit;
    this.#unanswered += 1;
    let answered = false;
    const answer = (): void => {
      if (answered) return;
      answered = true;
      this.#unanswered -= 1;
      if (this.#unanswered === 0) this.#all.resolve();
    };
    const onMessage = async (message: Frame): Promise<void> => {
      if (message.kind !== 'notification') return;
      if (message.method === 'notifications/subscriptions/acknowledged') {
        const honored = message.params['notifications'];
        this.#honored.set(member, asAsked(isObject(honored) ? honored : {}, filter));
        answer();
      } else if (isListChange(message.method)) {
        this.changes.add(message.method);
      } else if (message.method === UPDATED) {
        // Anything else does not belong here; that one member ends its part is not the client's end.
        await this.#acknowledged.promise;
        await this.#sink.event(formatEvent(rewriteNotification(message, member)));
      }
    };
    await keepOpen(
      () => this.#visit,
      {
        place: { lastEventId: null },
        callAfter: (visit, _last, signal) => this.#callTo(era, visit, member, filter, signal),
        onMessage,
        onEnd: answer,
      },
      call.signal,
    );
  }

  /** A call for what policy allows by now of the filter; the rest must not end it. */
  async #callTo(
    era: Era,
    visit: Visit,
    member: Member,
    filter: JsonObject,
    signal: AbortSignal,
  ): Promise<Call> {
    const { id, method, params } = this.#visit.frame;
    const { progressToken: _, ...meta } = metaOf(params);
    const callFor = (notifications: JsonObject): Promise<Call> =>
      era.callTo(visit, member, requestFrame(id, method, { _meta: meta, notifications }), signal);
    const { policy, trustDomain } = visit.services;
    const whole = await callFor(filter);
    if (isStillPermitted(whole, policy, trustDomain)) return whole;
    const allowed: unknown[] = [];
    for (const uri of listOf(filter['resourceSubscriptions'])) {
      const one = await callFor({ resourceSubscriptions: [uri] });
      if (isStillPermitted(one, policy, trustDomain)) allowed.push(uri);
    }
    return callFor({ ...filter, resourceSubscriptions: allowed });
  }

  /** Tells the client what the members that have answered by now will tell. */
  async acknowledge(deadlineMs: number): Promise<void> {
    if (this.#unanswered === 0) this.#all.resolve();
    const late = setTimeout(() => this.#all.resolve(), deadlineMs);
    await this.#all.promise;
    clearTimeout(late);
    const notifications: Record<string, unknown> = {};
    const uris: string[] = [];
    for (const [{ scheme }, { flags, own }] of this.#honored) {
      for (const key of flags) notifications[key] = true;
      for (const uri of own) uris.push(federatedUri(scheme, uri));
    }
    if (uris.length > 0) notifications['resourceSubscriptions'] = uris;
    const params = { _meta: this.#meta, notifications };
    this.#send(notificationFrame('notifications/subscriptions/acknowledged', params).bytes);
    this.#acknowledged.resolve();
  }

  #send(message: Buffer): void {
    // A client that has gone ends the subscription by its signal.
    this.#sink.event(formatEvent(message)).catch(() => undefined);
  }
}

/** What a member acknowledges of what it was asked for; whatever else it says is not believed. */
function asAsked(honored: JsonObject, filter: JsonObject): Honored {
  const own = new Set<unknown>(listOf(honored['resourceSubscriptions']));
  return {
    flags: Object.keys(FLAGS).filter((key) => honored[key] === true && filter[key] === true),
    own: listOf(filter['resourceSubscriptions']).filter(
      (uri): uri is string => typeof uri === 'string' && own.has(uri),
    ),
  };
}

function listOf(value: unknown): readonly unknown[] {
  return Array.isArray(value) ? value : [];
}
