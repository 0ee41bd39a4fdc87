import type { LinkSecurity } from '#crypto';
import type { Limits } from '#lib';
import type { Frame, JsonObject, RequestFrame, ResponseFrame, Revision } from '#mcp';
import { isObject, revisionByName, RPC, UNDECLARED_REVISION } from '#mcp';
import type { ClientConnection, Upstream, UpstreamReply, UpstreamRequest } from '#transport';
import { UpstreamProtocolError, UpstreamTimeout } from '#transport';
import { clientForStateful } from '../capabilities.ts';
import { InitializeRefused } from '../errors.ts';
import {
  answersOf,
  errorAnswer,
  errorOf,
  notificationFrame,
  requestFrame,
  resultFrame,
} from '../frames.ts';
import type { Introduction } from '../meta.ts';
import { STATEFUL } from '../meta.ts';
import { patiently } from './patience.ts';
import type { Stream } from './polling.ts';
import { answered, followed } from './polling.ts';

/** What a server said when the session was opened. */
export interface Initialized {
  readonly revision: Revision;
  readonly capabilities: JsonObject;
  readonly serverInfo: unknown;
  readonly instructions: unknown;
}

/** What a session needs besides its client. */
export interface ServerSessionContext {
  readonly upstream: Upstream;
  readonly limits: Limits;
  readonly principal: string;
  /** Takes what the server says of its own accord. */
  readonly onMessage: (frame: Frame, session: ServerSession) => Promise<void> | void;
}

/** The session that a server's own stream may take so long to open; some open it with its first event. */
const STREAM_PATIENCE_MS = 1000;

/** A server is told of the end of a session for so long. */
const FAREWELL_MS = 2000;

/** The stream on which a server says what belongs to no call. */
interface OwnStream {
  /** Whether the server has one. */
  readonly opened: Promise<boolean>;
  /** Resolves when it has ended, or the server has none. */
  readonly ended: Promise<void>;
}

/** One session of the bridge with a server of the stateful era. */
export class ServerSession {
  readonly #context: ServerSessionContext;
  readonly #life = new AbortController();
  readonly #connection = new OwnConnection();
  #id: string | null = null;
  #revision: Revision = UNDECLARED_REVISION;
  #link: LinkSecurity | null = null;
  #stream: OwnStream | null = null;
  #lastId = 0;

  constructor(context: ServerSessionContext) {
    this.#context = context;
  }

  get principal(): string {
    return this.#context.principal;
  }

  /** The hop that its last exchange went over. */
  get link(): LinkSecurity | null {
    return this.#link;
  }

  get ended(): boolean {
    return this.#life.signal.aborted;
  }

  /** An id for a request, new in this session. */
  nextId(): string {
    this.#lastId += 1;
    return `postern-${this.#lastId}`;
  }

  /**
   * Opens the session in the name of a client.
   *
   * @throws InitializeRefused, and what the exchange meets.
   */
  async open({ clientInfo, capabilities, logLevel }: Introduction): Promise<Initialized> {
    const params = {
      protocolVersion: STATEFUL.name,
      capabilities: clientForStateful(capabilities),
      clientInfo,
    };
    const result = await this.ask('initialize', params);
    const { protocolVersion, capabilities: offered, serverInfo, instructions } = result;
    const name = typeof protocolVersion === 'string' ? protocolVersion : '';
    const revision = revisionByName(name);
    if (revision?.era !== 'stateful' || !isObject(offered)) {
      throw new UpstreamProtocolError(
        'the server answers initialize with no revision that is known',
      );
    }
    this.#revision = revision;
    await this.notify('notifications/initialized', {});
    if (logLevel !== null && isObject(offered['logging'])) {
      // What a server logs is sorted again before it goes on, so this may fail.
      await this.ask('logging/setLevel', { level: logLevel }).catch(() => undefined);
    }
    return { revision, capabilities: offered, serverInfo, instructions };
  }

  /** Sends a message; the reply is the answer to a request. */
  send(frame: Frame, signal: AbortSignal = this.#life.signal): Promise<UpstreamReply> {
    return this.#context.upstream.exchange(this.#request('POST', frame, signal));
  }

  /**
   * What the server says in reply to a request, also where it lets its clients come back for the rest.
   *
   * @throws UpstreamProtocolError for a reply without a message, and what the exchange ends with.
   */
  said(
    { id }: RequestFrame,
    reply: UpstreamReply,
    signal: AbortSignal,
  ): AsyncGenerator<Frame, void> {
    const { limits } = this.#context;
    if (reply.kind !== 'events') return answersOf(reply, limits);
    const isLast = (frame: Frame): boolean => frame.kind === 'response' && frame.id === id;
    return answered(reply, this.#polling(signal, isLast));
  }

  /** Asks and waits for the result. @throws InitializeRefused for an error of the server. */
  async ask(method: string, params: JsonObject): Promise<JsonObject> {
    const answer = await this.#exchange(method, params);
    const error = errorOf(answer);
    if (error !== null) throw refused(method, `${error.code} ${error.message.slice(0, 200)}`);
    return 'result' in answer.outcome ? answer.outcome.result : {};
  }

  /** Resolves when the server has answered, with whatever: it has then seen what was sent before. */
  async ping(): Promise<void> {
    await this.#exchange('ping', {});
  }

  async notify(method: string, params: JsonObject): Promise<void> {
    await this.send(notificationFrame(method, params));
  }

  /** Answers a request of the server that no client is to see: pings, and what nobody asked for. */
  async answerAlone({ id, method }: RequestFrame): Promise<void> {
    const refusal = { code: RPC.methodNotFound, message: `no client answers ${method} here` };
    const answer = method === 'ping' ? resultFrame(id, {}) : errorAnswer(id, refusal);
    // A server that does not take it will have to do without.
    await this.send(answer).catch(() => undefined);
  }

  /**
   * Listens to the session's own stream, as far as the server has one; once is enough.
   *
   * @returns whether there is one, or may be: some servers take their time to open it.
   */
  async listen(): Promise<boolean> {
    this.#stream ??= this.#pump();
    const { opened } = this.#stream;
    return patiently(opened, STREAM_PATIENCE_MS, true);
  }

  /** Resolves when the session's own stream has ended, or there is none. */
  async streamEnd(): Promise<void> {
    await this.#stream?.ended;
  }

  /** Ends the session; resolves when the server has been told. */
  async end(): Promise<void> {
    if (this.ended) return;
    this.#life.abort();
    this.#connection.close();
    if (this.#id === null) return;
    const request = this.#request('DELETE', null, AbortSignal.timeout(FAREWELL_MS));
    // What goes wrong here goes wrong with a session that is over.
    await this.#context.upstream.exchange(request).catch(() => undefined);
  }

  #pump(): OwnStream {
    const reply = this.#context.upstream.exchange(this.#request('GET', null, this.#life.signal));
    const opened = reply.then(
      ({ kind }) => kind === 'events',
      () => false,
    );
    return { opened, ended: this.#read(reply, opened) };
  }

  async #read(reply: Promise<UpstreamReply>, opened: Promise<boolean>): Promise<void> {
    // A server may have no such stream; it is not asked for it again.
    if (!(await opened)) return;
    const polling = this.#polling(this.#life.signal, () => false);
    try {
      const first = await reply;
      if (first.kind !== 'events') return;
      for await (const frame of followed(first, polling)) {
        await this.#context.onMessage(frame, this);
      }
    } catch {
      // It may also end at any time; the next call opens it again.
    }
    this.#stream = null;
  }

  /** @throws InitializeRefused without an answer, UpstreamTimeout without one in time. */
  async #exchange(method: string, params: JsonObject): Promise<ResponseFrame> {
    const { limits, upstream } = this.#context;
    const max = limits.sessionSetupTimeoutMs;
    const patience = AbortSignal.timeout(max);
    try {
      const asked = requestFrame(this.nextId(), method, params);
      return await this.#answered(asked, AbortSignal.any([this.#life.signal, patience]));
    } catch (cause) {
      if (!patience.aborted) throw cause;
      throw new UpstreamTimeout(`"${upstream.name}" did not answer ${method} within ${max} ms`, {
        cause,
        details: { limit: 'session_setup_timeout_ms', max },
      });
    }
  }

  async #answered(asked: RequestFrame, signal: AbortSignal): Promise<ResponseFrame> {
    const reply = await this.send(asked, signal);
    if (reply.kind === 'empty') throw refused(asked.method, `HTTP status ${reply.status}`);
    this.#id ??= reply.sessionId;
    for await (const frame of this.said(asked, reply, signal)) {
      if (frame.kind === 'response') return frame;
      await this.#context.onMessage(frame, this);
    }
    throw refused(asked.method, `HTTP status ${reply.status}`);
  }

  #polling(signal: AbortSignal, isLast: (frame: Frame) => boolean): Stream {
    const resume: Stream['resume'] = (lastEventId, until) =>
      this.#context.upstream.exchange({ ...this.#request('GET', null, until), lastEventId });
    return { limits: this.#context.limits, signal, isLast, resume };
  }

  #request(
    httpMethod: UpstreamRequest['httpMethod'],
    frame: Frame | null,
    signal: AbortSignal,
  ): UpstreamRequest {
    return {
      httpMethod,
      frame,
      revision: this.#revision,
      sessionId: this.#id,
      lastEventId: null,
      mcpHeaders: {},
      principal: this.principal,
      subjectToken: null,
      clientLink: null,
      connection: this.#connection,
      signal,
      onLink: (link) => (this.#link = link),
      onRevision: () => undefined,
    };
  }
}

function refused(method: string, why: string): Error {
  return new InitializeRefused(`the server refuses ${method}: ${why}`, { details: { method } });
}

/** Stays open for as long as the session: it is the bridge that ends it, not a client's silence. */
class OwnConnection implements ClientConnection {
  #callbacks: (() => void)[] = [];
  #closed = false;

  onceClosed(callback: () => void): void {
    if (this.#closed) callback();
    else this.#callbacks.push(callback);
  }

  close(): void {
    this.#closed = true;
    for (const callback of this.#callbacks.splice(0)) callback();
  }
}
