import type { Frame } from '#mcp';
import type { Call, ReplySink } from '#pipeline';
import { formatEvent } from '#transport';
import { aborted } from './aborted.ts';
import { Changes } from './changes.ts';
import { inboundOf } from './inbound.ts';
import type { Place } from './member-stream.ts';
import { keepOpen } from './member-stream.ts';
import type { Member } from './members.ts';
import type { Origins } from './origins.ts';
import { isListChange, LIST_CHANGES } from './rewrite.ts';
import type { FederatedSession } from './session.ts';
import type { Visit } from './visit.ts';

/** A client's GET stream. */
interface OpenStream {
  readonly visit: Visit;
  readonly sink: ReplySink;
  readonly abort: AbortController;
  readonly changes: Changes;
}

/** The members' streams, which outlive the client's as long as it has another one. */
interface MemberStreams {
  /** Of the client's newest stream. */
  visit: Visit;
  readonly abort: AbortController;
  /** Aborted when they are over, for whatever reason. */
  readonly ended: AbortSignal;
  readonly running: Map<string, Promise<void>>;
  /** What opened them, by server. */
  readonly calls: Map<string, Call>;
}

/** What a session's client hears between its requests. */
export class SessionStream {
  readonly #session: FederatedSession;
  /** Whose messages have gone out on the stream that is kept for the client. */
  #origins: Origins | null = null;
  /** How far the members' streams have been heard, by server. */
  readonly #places = new Map<string, Place>();
  #open: OpenStream | null = null;
  #members: MemberStreams | null = null;
  /** List changes of which the client is yet to hear, while it has no stream. */
  readonly #missed = new Set<string>();

  constructor(session: FederatedSession) {
    this.#session = session;
  }

  get isOpen(): boolean {
    return this.#open !== null;
  }

  /**
   * Carries a stream that the client has opened; resolves when it is over. An older one ends, those of the
   * members go on.
   *
   * @param goesOn whether the client takes up the one before.
   */
  async run(visit: Visit, sink: ReplySink, goesOn: boolean): Promise<void> {
    const before = this.#open;
    const abort = new AbortController();
    const changes = new Changes(
      (message) => void sink.event(formatEvent(message), null).catch(ignore),
    );
    const open: OpenStream = { visit, sink, abort, changes };
    this.#open = open;
    before?.abort.abort();
    const members = this.#memberStreams(visit);
    if (!goesOn) this.#begin(visit, members);
    for (const method of this.#missed) changes.add(method);
    this.#missed.clear();
    for (const member of visit.members) {
      if (this.#session.openServers.includes(member.server)) this.#attach(members, member);
    }
    await aborted(AbortSignal.any([abort.signal, visit.call.signal, this.#session.ended]));
    changes.stop();
    if (this.#open !== open) return;
    this.#open = null;
    this.#members = null;
    members.abort.abort();
    await Promise.all(members.running.values());
  }

  #memberStreams(visit: Visit): MemberStreams {
    if (this.#members !== null) {
      this.#members.visit = visit;
      return this.#members;
    }
    const abort = new AbortController();
    const ended = AbortSignal.any([abort.signal, this.#session.ended]);
    this.#members = { visit, abort, ended, running: new Map(), calls: new Map() };
    return this.#members;
  }

  #begin({ call, origins }: Visit, { running, calls }: MemberStreams): void {
    for (const server of this.#places.keys()) {
      if (!running.has(server)) this.#places.delete(server);
    }
    this.#origins = origins;
    for (const memberCall of calls.values()) origins.add(memberCall);
    // A client that cannot have what it has missed looks for itself.
    if (call.lastEventId !== null) for (const method of LIST_CHANGES) this.#missed.add(method);
  }

  /** Takes in the stream of a member that has just been met. */
  attach(member: Member): void {
    const known = this.#open?.visit.members.some(({ server }) => server === member.server);
    if (this.#members?.running.has(member.server) !== true) this.#places.delete(member.server);
    if (this.#members !== null && known === true) this.#attach(this.#members, member);
  }

  /** Tells the client that a list is another one. */
  changed(method: string): void {
    if (this.#open === null) this.#missed.add(method);
    else this.#open.changes.add(method);
  }

  end(): void {
    this.#open?.abort.abort();
  }

  #attach(members: MemberStreams, member: Member): void {
    const { server } = member;
    if (members.running.has(server)) return;
    const inbound = inboundOf(this.#session, member, null);
    const onMessage = async (frame: Frame): Promise<void> => {
      if (frame.kind === 'notification' && isListChange(frame.method)) {
        this.changed(frame.method);
        return;
      }
      // An answer here belongs to a stream that the member was not asked to take up.
      const body = frame.kind === 'response' ? null : inbound.aside(frame);
      if (body !== null) await this.#open?.sink.event(formatEvent(body), null);
    };
    const place = this.#places.get(server) ?? { lastEventId: null };
    this.#places.set(server, place);
    const reader = {
      place,
      callAfter: async (visit: Visit, lastEventId: string | null, signal: AbortSignal) => {
        const call = await this.#session.streamAfter(visit, member, lastEventId, signal);
        this.#origins?.add(call);
        members.calls.set(server, call);
        return call;
      },
      onMessage,
      onEnd: () => undefined,
    };
    const running = keepOpen(() => members.visit, reader, members.ended).finally(() => {
      members.running.delete(server);
      members.calls.delete(server);
    });
    members.running.set(server, running);
  }
}

function ignore(): void {
  // The client has gone, which ends the stream.
}
