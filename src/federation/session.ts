import { randomBytes } from 'node:crypto';
import { newCallId } from '#audit';
import { linkClass } from '#crypto';
import type { Limits } from '#lib';
import type { Frame, JsonObject, Revision } from '#mcp';
import { revisionByName, UNDECLARED_REVISION } from '#mcp';
import type { Call, Session } from '#pipeline';
import { runCall } from '#pipeline';
import type { ClientConnection } from '#transport';
import { ask, reasonOf, resultOf } from './ask.ts';
import { MemberUnavailable } from './errors.ts';
import type { Federated } from './federated.ts';
import { notificationFrame, requestFrame } from './frames.ts';
import type { Member } from './members.ts';
import { withoutTasks } from './no-tasks.ts';
import { Pending } from './pending.ts';
import { Questions } from './questions.ts';
import { SessionStream } from './session-stream.ts';
import { silentSink } from './silent-sink.ts';
import type { Era, Visit } from './visit.ts';
import { Wishes } from './wishes.ts';

/** A member's own session within a client's. */
interface MemberSession {
  /** `null` for a member that keeps none. */
  readonly id: string | null;
  readonly revision: Revision;
}

/** A member's session, perhaps still on its way. */
interface Opening {
  readonly promise: Promise<MemberSession>;
  id: string | null;
}

/** One client's session with the shared endpoint; each member it uses has its own behind it. */
export class FederatedSession implements Era {
  /** Unguessable, though never an authentication. */
  readonly id = randomBytes(32).toString('base64url');
  readonly owner: string;
  /** The kind of link that it was opened over. */
  readonly linkClass: string;
  /** By which what goes out on its streams is kept. */
  readonly kept: Session;
  /** Path of the endpoint that it was opened at, and serves. */
  readonly via: string | null;
  readonly questions: Questions;
  readonly pending: Pending;
  readonly stream: SessionStream;
  readonly wishes = new Wishes();
  readonly resumable = true;
  readonly #federated: Federated;
  /** Params of the client's `initialize`, with which the members are met. */
  readonly #params: JsonObject;
  readonly #members = new Map<string, Opening>();
  readonly #connections = new Set<ClientConnection>();
  readonly #ended = new AbortController();
  readonly #endsAtMs: number;
  #usedAtMs = Date.now();
  #last: Pick<Visit, 'call' | 'current'>;

  constructor(visit: Visit, params: JsonObject, federated: Federated) {
    const { limits } = federated;
    this.owner = visit.owner;
    this.linkClass = linkClass(visit.call.clientLink);
    this.via = visit.call.via;
    const { id: token, owner } = this;
    this.kept = { token, upstreamId: token, instance: '', server: '', owner };
    this.#federated = federated;
    this.#params = withoutTasks(params);
    this.#last = withoutMessage(visit);
    this.#endsAtMs = Date.now() + limits.sessionMaxAgeMs;
    this.questions = new Questions(limits.maxInFlightPerSession);
    this.pending = new Pending(limits.maxInFlightPerSession);
    this.stream = new SessionStream(this);
    this.used(visit);
  }

  get key(): string {
    return this.id;
  }

  /** Aborted when the session is over. */
  get ended(): AbortSignal {
    return this.#ended.signal;
  }

  /** When something last happened, in milliseconds since the epoch. */
  get usedAtMs(): number {
    return this.#usedAtMs;
  }

  /** Whether nobody would miss it just now. */
  get isQuiet(): boolean {
    return this.pending.size === 0 && !this.stream.isOpen;
  }

  /** Names of the members that have a session, or are about to. */
  get openServers(): readonly string[] {
    return [...this.#members.keys()];
  }

  /** Keeps what the client's latest exchange tells of it: by that its members are told of the end. */
  used(visit: Visit): void {
    this.#last = withoutMessage(visit);
    this.#usedAtMs = Date.now();
    const { connection } = visit.call;
    if (this.#connections.has(connection)) return;
    this.#connections.add(connection);
    connection.onceClosed(() => {
      this.#connections.delete(connection);
      this.#usedAtMs = Date.now();
    });
  }

  isOver(nowMs: number, { sessionIdleTimeoutMs }: Limits): boolean {
    if (nowMs >= this.#endsAtMs) return true;
    if (!this.isQuiet || this.#connections.size > 0) return false;
    return nowMs - this.#usedAtMs >= sessionIdleTimeoutMs;
  }

  /** Has a member open its session, if it has not. @throws MemberUnavailable */
  async meet(visit: Visit, member: Member): Promise<void> {
    await this.#open(visit, member);
  }

  async callTo(visit: Visit, member: Member, frame: Frame, signal: AbortSignal): Promise<Call> {
    const { id, revision } = await this.#open(visit, member);
    return { ...this.#callOf(visit, member, frame, signal), sessionId: id, revision };
  }

  async streamAfter(
    visit: Visit,
    member: Member,
    lastEventId: string | null,
    signal: AbortSignal,
  ): Promise<Call> {
    const { id, revision } = await this.#open(visit, member);
    const call = this.#callOf(visit, member, null, signal);
    return { ...call, httpMethod: 'GET', sessionId: id, revision, lastEventId };
  }

  lost({ server }: Member, { sessionId }: Call): boolean {
    if (sessionId === null) return false;
    // Another call may have found out before, and have a new one by now.
    if (this.#members.get(server)?.id === sessionId) this.#members.delete(server);
    return true;
  }

  changed(method: string): void {
    this.stream.changed(method);
  }

  /** Sends a message to every open member that passes, and waits until they have it. */
  async broadcast(visit: Visit, frame: Frame, passes: (server: string) => boolean): Promise<void> {
    const open = visit.members.filter(({ server }) => this.#members.has(server) && passes(server));
    await Promise.all(open.map((member) => this.#tell(visit, member, frame)));
  }

  /** Ends it, and the members' sessions, each of which is told. Never throws. */
  async end(): Promise<void> {
    if (this.ended.aborted) return;
    this.#ended.abort();
    this.stream.end();
    this.#last.current().resumption.ended(this.kept);
    const members = [...this.#members];
    this.#members.clear();
    await Promise.all(members.map(([server, { promise }]) => this.#endMember(server, promise)));
  }

  #open(visit: Visit, member: Member): Promise<MemberSession> {
    const known = this.#members.get(member.server);
    if (known !== undefined) return known.promise;
    const opening: Opening = { promise: this.#initialize(visit, member), id: null };
    this.#members.set(member.server, opening);
    void this.#settle(member, opening);
    return opening.promise;
  }

  async #settle(member: Member, opening: Opening): Promise<void> {
    try {
      const { id } = await opening.promise;
      opening.id = id;
      this.stream.attach(member);
    } catch {
      // Whoever asked for the session is told; the next call tries again.
      if (this.#members.get(member.server) === opening) this.#members.delete(member.server);
    }
  }

  async #initialize(visit: Visit, member: Member): Promise<MemberSession> {
    const timeout = AbortSignal.timeout(this.#federated.limits.sessionSetupTimeoutMs);
    const signal = AbortSignal.any([timeout, this.ended]);
    const frame = requestFrame('postern-initialize', 'initialize', this.#params);
    const call = this.#callOf(visit, member, frame, signal);
    const answer = await ask({ ...call, revision: UNDECLARED_REVISION }, visit.services);
    const result = resultOf(answer);
    if (result === null) {
      throw new MemberUnavailable(`server "${member.server}": ${reasonOf(answer)}`);
    }
    this.#federated.knowledge.introduced(this.owner, member.server, result);
    const revision = agreedOn(result['protocolVersion']) ?? call.revision;
    const inSession = { ...call, sessionId: answer.sessionId, revision };
    const initialized = notificationFrame('notifications/initialized');
    await runCall(
      { ...inSession, id: newCallId(), frame: initialized },
      visit.services,
      silentSink(),
    );
    for (const wish of this.wishes.of(member.server)) {
      const repeated = requestFrame('postern-wish', wish.method, wish.params);
      await ask({ ...inSession, id: newCallId(), frame: repeated }, visit.services);
    }
    return { id: answer.sessionId, revision };
  }

  async #tell(visit: Visit, member: Member, frame: Frame): Promise<void> {
    try {
      const call = await this.callTo(visit, member, frame, visit.call.signal);
      await runCall(call, visit.services, silentSink());
    } catch {
      // A member that could not be opened has nothing to be told.
    }
  }

  async #endMember(server: string, opening: Promise<MemberSession>): Promise<void> {
    const session = await opening.catch(() => null);
    if (session === null || session.id === null) return;
    const signal = AbortSignal.timeout(this.#federated.limits.federationDeadlineMs);
    const call = this.#callOf(lasting(this.#last), { server }, null, signal);
    const end: Call = { ...call, httpMethod: 'DELETE', sessionId: session.id };
    await runCall({ ...end, revision: session.revision }, this.#last.current(), silentSink());
  }

  #callOf(
    { call }: Pick<Visit, 'call'>,
    { server }: Pick<Member, 'server'>,
    frame: Frame | null,
    signal: AbortSignal,
  ): Call {
    const { via, listener, source, clientLink, token, revision, minRevision, connection } = call;
    return {
      id: newCallId(),
      receivedAtMs: Date.now(),
      listener,
      source,
      clientLink,
      token,
      server,
      via,
      httpMethod: 'POST',
      revision,
      minRevision,
      sessionId: null,
      lastEventId: null,
      mcpHeaders: {},
      frame,
      connection,
      signal,
    };
  }
}

/** A member cannot lead a session into an era that has none. */
function agreedOn(name: unknown): Revision | undefined {
  const revision = typeof name === 'string' ? revisionByName(name) : undefined;
  return revision?.era === 'stateful' ? revision : undefined;
}

/** The session was this caller's, whose token may have expired meanwhile: ending it needs no new one. */
function lasting({ call }: Pick<Visit, 'call'>): Pick<Visit, 'call'> {
  const { token } = call;
  if (token === null) return { call };
  return { call: { ...call, token: { ...token, expiresAtMs: Infinity } } };
}

/** What is kept for long is not to keep a message, which may be large. */
function withoutMessage({ call, current }: Visit): Pick<Visit, 'call' | 'current'> {
  return { call: { ...call, frame: null }, current };
}
