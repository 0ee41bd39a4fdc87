import { hash, randomBytes } from 'node:crypto';
import type { Limits } from '#lib';
import { asRpcId, idKey } from '#mcp';
import type { Call, Entered, ReplySink, Resumption, Session } from '#pipeline';
import { EventsGone } from '../errors.ts';
import { Budget } from './budget.ts';
import type { KeptSinkOptions } from './kept-sink.ts';
import { KeptSink } from './kept-sink.ts';
import type { KeptStreamOptions, Writer } from './kept-stream.ts';
import { KeptStream } from './kept-stream.ts';
import { SessionListeners } from './session-listeners.ts';

/** What is kept of one session. */
interface Shelf {
  readonly streams: Map<string, KeptStream>;
  readonly session: Session;
  readonly budget: Budget;
}

/** What is kept of one principal. */
interface Owner {
  readonly budget: Budget;
  shelves: number;
}

/** Revisions before 2025-11-25 know no event without data, and their clients fail on one. */
const FIRST_WITH_PRIMING = '2025-11-25';

const MAX_SWEEP_MS = 5000;

/**
 * The events of sessions that clients may have missed, in memory. An id of an event names the session
 * by a digest of its token, this process, the stream and the place in it; it is looked up in the
 * session of the caller alone.
 */
export class EventStore implements Resumption {
  readonly #limits: Limits;
  /** Tells the streams of this process from those of another one with the same sessions. */
  readonly #nonce = randomBytes(6).toString('base64url');
  readonly #all: Budget;
  readonly #owners = new Map<string, Owner>();
  /** By token. */
  readonly #shelves = new Map<string, Shelf>();
  readonly #listeners = new SessionListeners();
  readonly #tags = new WeakMap<Session, string>();
  #streams = 0;
  #timer: NodeJS.Timeout | undefined;

  constructor(limits: Limits) {
    this.#limits = limits;
    this.#all = new Budget(limits.maxStoredBytes);
  }

  /** Bytes that are kept. */
  get bytes(): number {
    return this.#all.used;
  }

  /** @throws EventsGone */
  enter(session: Session, call: Call, sink: ReplySink, permitted: () => boolean): Entered {
    const { frame, httpMethod, lifeline } = call;
    if (httpMethod === 'GET') return this.#listen(session, call, sink, permitted);
    if (frame?.kind === 'request' && lifeline !== undefined) {
      const primes = call.revision.name >= FIRST_WITH_PRIMING;
      const options = {
        ...this.#common(session, idKey(frame.id), permitted),
        lifeline,
        primeAfterMs: primes ? this.#limits.primeAfterMs : null,
        stream: null,
      };
      return { sink: new KeptSink(sink, options), resumed: null };
    }
    if (frame?.kind === 'notification' && frame.method === 'notifications/cancelled') {
      this.#cancel(session, frame.params['requestId']);
    }
    return { sink, resumed: null };
  }

  /**
   * Lets go of answers that would not be permitted any more, and ends the calls that nobody is connected
   * to. What was said on a session's own stream is decided when it is asked for.
   */
  recheck(): void {
    this.#dropWhere(({ requestKey, isPermitted }) => requestKey !== null && !isPermitted);
  }

  ended({ token }: Session): void {
    const shelf = this.#shelves.get(token);
    if (shelf === undefined) return;
    for (const stream of shelf.streams.values()) stream.discard();
    this.#remove(shelf);
  }

  /** Lets go of everything. */
  stop(): void {
    for (const { session } of this.#shelves.values()) this.ended(session);
  }

  #listen(
    session: Session,
    { lastEventId, signal }: Call,
    sink: ReplySink,
    permitted: () => boolean,
  ): Entered {
    const own = { lifeline: null, primeAfterMs: null };
    const common = { ...this.#common(session, null, permitted), ...own };
    const tag = this.#tagOf(session);
    const listening = (stream: KeptStream | null): KeptSink =>
      new KeptSink(this.#listeners.enter(session.token, sink, signal), { ...common, stream });
    if (lastEventId?.startsWith(tag) !== true) return { sink: listening(null), resumed: null };
    const [nonce, name = '', number = ''] = lastEventId.slice(tag.length).split('.');
    const stream =
      nonce === this.#nonce ? this.#shelves.get(session.token)?.streams.get(name) : undefined;
    if (stream?.requestKey === null && !stream.isPermitted) {
      // The client needs the session's stream, though not what was said on it.
      return { sink: listening(null), resumed: null };
    }
    const after = Number.parseInt(number, 36);
    if (stream?.isPermitted !== true || !stream.holdsAfter(after)) {
      throw new EventsGone('what came after this event is no longer kept');
    }
    const events = stream.read(after, signal);
    if (stream.requestKey === null) {
      return { sink: listening(stream), resumed: { events, listens: true } };
    }
    stream.takeOver(null);
    return { sink, resumed: { events, listens: false } };
  }

  #common(
    session: Session,
    requestKey: string | null,
    permitted: () => boolean,
  ): Pick<KeptSinkOptions, 'open' | 'isOwn'> {
    return {
      open: (writer) => this.#open(session, { requestKey, permitted }, writer),
      isOwn: (id) => id.startsWith(this.#tagOf(session)),
    };
  }

  /** A client that cancels a call wants nothing more of it, whichever connection it is on. */
  #cancel({ token }: Session, requestId: unknown): void {
    const id = asRpcId(requestId);
    if (id === undefined) return;
    for (const stream of this.#shelves.get(token)?.streams.values() ?? []) {
      if (stream.requestKey === idKey(id)) stream.endIfAlone();
    }
  }

  #open(
    session: Session,
    about: Pick<KeptStreamOptions, 'requestKey' | 'permitted'>,
    writer: Writer,
  ): KeptStream {
    const shelf = this.#shelfOf(session);
    const { maxStoredBytesPerStream, maxStoredEventsPerStream } = this.#limits;
    const owner = this.#owners.get(session.owner)?.budget;
    this.#streams += 1;
    const name = this.#streams.toString(36);
    const stream = new KeptStream(
      {
        prefix: `${this.#tagOf(session)}${this.#nonce}.${name}.`,
        ...about,
        maxEvents: maxStoredEventsPerStream,
        budgets: [
          new Budget(maxStoredBytesPerStream),
          shelf.budget,
          ...(owner === undefined ? [] : [owner]),
          this.#all,
        ],
      },
      writer,
    );
    shelf.streams.set(name, stream);
    return stream;
  }

  #shelfOf(session: Session): Shelf {
    const existing = this.#shelves.get(session.token);
    if (existing !== undefined) return existing;
    const { maxStoredBytesPerSession, maxStoredBytesPerPrincipal, resumeWindowMs } = this.#limits;
    const shelf = { session, streams: new Map(), budget: new Budget(maxStoredBytesPerSession) };
    this.#shelves.set(session.token, shelf);
    const owner = this.#owners.get(session.owner);
    if (owner !== undefined) owner.shelves += 1;
    else {
      const budget = new Budget(maxStoredBytesPerPrincipal);
      this.#owners.set(session.owner, { budget, shelves: 1 });
    }
    const sweepMs = Math.min(resumeWindowMs / 4, MAX_SWEEP_MS);
    this.#timer ??= setInterval(() => this.#sweep(), sweepMs).unref();
    return shelf;
  }

  #sweep(): void {
    const since = performance.now() - this.#limits.resumeWindowMs;
    this.#dropWhere(({ isSpent, aloneSince }) => isSpent || aloneSince <= since);
  }

  #dropWhere(condition: (stream: KeptStream) => boolean): void {
    for (const shelf of this.#shelves.values()) {
      for (const [name, stream] of shelf.streams) {
        if (!condition(stream)) continue;
        stream.discard();
        shelf.streams.delete(name);
      }
      if (shelf.streams.size === 0) this.#remove(shelf);
    }
  }

  #remove({ session }: Shelf): void {
    this.#shelves.delete(session.token);
    const owner = this.#owners.get(session.owner);
    if (owner !== undefined) {
      owner.shelves -= 1;
      if (owner.shelves === 0) this.#owners.delete(session.owner);
    }
    if (this.#shelves.size > 0) return;
    clearInterval(this.#timer);
    this.#timer = undefined;
  }

  /** With what ids of the session's events begin; 72 bits, so that no server's ids do by chance. */
  #tagOf(session: Session): string {
    let tag = this.#tags.get(session);
    if (tag === undefined) {
      tag = `${hash('sha256', session.token, 'base64url').slice(0, 12)}.`;
      this.#tags.set(session, tag);
    }
    return tag;
  }
}
