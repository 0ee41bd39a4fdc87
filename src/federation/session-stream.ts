import type { Frame } from '#mcp';
import type { ReplySink } from '#pipeline';
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

/** A client's GET stream, with those of all its members in it. */
interface OpenStream {
  readonly visit: Visit;
  readonly sink: ReplySink;
  readonly abort: AbortController;
  /** Aborted when it is over, for whatever reason. */
  readonly ended: AbortSignal;
  readonly changes: Changes;
  readonly running: Map<string, Promise<void>>;
}

/** What a session's client hears between its requests. */
export class SessionStream {
  readonly #session: FederatedSession;
  /** Whose messages have gone out on the stream that is kept for the client. */
  #origins: Origins | null = null;
  /** How far the members' streams have been heard, by server. */
  readonly #places = new Map<string, Place>();
  #open: OpenStream | null = null;
  /** List changes of which the client is yet to hear, while it has no stream. */
  readonly #missed = new Set<string>();

  constructor(session: FederatedSession) {
    this.#session = session;
  }

  get isOpen(): boolean {
    return this.#open !== null;
  }

  /**
   * Carries a stream that the client has opened; resolves when it is over. An older one ends.
   *
   * @param goesOn whether the client takes up the one before: then the members' go on, too.
   */
  async run(visit: Visit, sink: ReplySink, goesOn: boolean): Promise<void> {
    this.#open?.abort.abort();
    if (!goesOn) this.#begin(visit);
    const abort = new AbortController();
    const changes = new Changes(
      (message) => void sink.event(formatEvent(message), null).catch(ignore),
    );
    const ended = AbortSignal.any([abort.signal, visit.call.signal, this.#session.ended]);
    const open: OpenStream = { visit, sink, abort, ended, changes, running: new Map() };
    this.#open = open;
    for (const method of this.#missed) changes.add(method);
    this.#missed.clear();
    for (const member of visit.members) {
      if (this.#session.openServers.includes(member.server)) this.#attach(open, member);
    }
    await aborted(ended);
    if (this.#open === open) this.#open = null;
    abort.abort();
    changes.stop();
    await Promise.all(open.running.values());
  }

  #begin({ call, origins }: Visit): void {
    this.#places.clear();
    this.#origins = origins;
    // A client that cannot have what it has missed looks for itself.
    if (call.lastEventId !== null) for (const method of LIST_CHANGES) this.#missed.add(method);
  }

  /** Takes in the stream of a member that has just been met. */
  attach(member: Member): void {
    this.#places.delete(member.server);
    const open = this.#open;
    const known = open?.visit.members.some(({ server }) => server === member.server);
    if (open === null || known !== true) return;
    this.#attach(open, member);
  }

  /** Tells the client that a list is another one. */
  changed(method: string): void {
    if (this.#open === null) this.#missed.add(method);
    else this.#open.changes.add(method);
  }

  end(): void {
    this.#open?.abort.abort();
  }

  #attach(open: OpenStream, member: Member): void {
    const { server } = member;
    if (open.running.has(server)) return;
    const inbound = inboundOf(this.#session, member, null);
    const onMessage = async (frame: Frame): Promise<void> => {
      if (frame.kind === 'notification' && isListChange(frame.method)) {
        open.changes.add(frame.method);
        return;
      }
      // An answer here belongs to a stream that the member was not asked to take up.
      const body = frame.kind === 'response' ? null : inbound.aside(frame);
      if (body !== null) await open.sink.event(formatEvent(body), null);
    };
    const place = this.#places.get(server) ?? { lastEventId: null };
    this.#places.set(server, place);
    const reader = {
      place,
      callAfter: async (visit: Visit, lastEventId: string | null, signal: AbortSignal) => {
        const call = await this.#session.streamAfter(visit, member, lastEventId, signal);
        this.#origins?.add(call);
        return call;
      },
      onMessage,
      onEnd: () => undefined,
    };
    const running = keepOpen(open.visit, reader, open.ended).finally(() =>
      open.running.delete(server),
    );
    open.running.set(server, running);
  }
}

function ignore(): void {
  // The client has gone, which ends the stream.
}
