import { randomBytes } from 'node:crypto';
import type { Limits } from '#lib';
import type { JsonObject, NotificationFrame, RequestFrame, ResponseFrame, Revision } from '#mcp';
import { asRpcId, idKey, isLogLevel, isObject, RPC } from '#mcp';
import type { EmptyReply, Upstream, UpstreamReply, UpstreamRequest } from '#transport';
import { RequestIdInUse, ResponseUnexpected, UpstreamOverloaded } from '#transport';
import { BridgeNotPossible } from '../errors.ts';
import { errorAnswer, resultFrame } from '../frames.ts';
import type { Introduction } from '../meta.ts';
import { STATELESS } from '../meta.ts';
import { Outbox } from '../outbox.ts';
import { replyOf } from '../reply.ts';
import { Asks } from './asks.ts';
import { carry } from './call.ts';
import type { Opening } from './initialize.ts';
import { Subscription } from './subscription.ts';
import { ToolHeaders } from './tool-headers.ts';

/** What the sessions of one bridge share. */
export interface SessionContext {
  readonly upstream: Upstream;
  readonly limits: Limits;
  readonly nextId: () => string;
  onEnded(session: Session): void;
}

/** Methods of the stateless era alone, and of the tasks that neither side of the bridge shares. */
const NOT_BRIDGED = /^(?:server\/discover|subscriptions\/listen|tasks\/.*)$/;

/** By which ids of the bridge are told from those of servers, also when their sessions are over. */
const ID_PREFIX = 'postern-bridge-';

/** Whether the bridge made this id, in whichever process. */
export function isBridged(sessionId: string): boolean {
  return sessionId.startsWith(ID_PREFIX);
}

/** The session of a client of the stateful era before a server that knows no sessions. */
export class Session {
  /** Unguessable, though never an authentication. */
  readonly id = ID_PREFIX + randomBytes(32).toString('base64url');
  readonly principal: string;
  readonly #context: SessionContext;
  readonly #revision: Revision;
  readonly #changes: JsonObject;
  readonly #asks: Asks;
  readonly #toolHeaders = new ToolHeaders();
  readonly #outbox: Outbox;
  readonly #subscription: Subscription;
  readonly #pending = new Map<string, AbortController>();
  readonly #uris = new Set<string>();
  readonly #createdAt = performance.now();
  #client: Introduction;
  #usedAt = this.#createdAt;
  #came = false;
  #ended = false;

  /** @param server the capabilities of the server, as the client was told them. */
  constructor(context: SessionContext, principal: string, opening: Opening, server: JsonObject) {
    this.principal = principal;
    this.#context = context;
    this.#revision = opening.revision;
    this.#client = opening.client;
    this.#changes = changesOf(server);
    this.#asks = new Asks(opening.capabilities, opening.revision.name >= '2025-11-25');
    this.#outbox = new Outbox(context.limits);
    this.#subscription = new Subscription({
      upstream: context.upstream,
      limits: context.limits,
      principal,
      client: () => this.#client,
      nextId: context.nextId,
      onNotification: (message) => this.#outbox.push(message),
      isRead: () => this.#outbox.read,
    });
  }

  /** When something last happened, on the clock of performance.now(). */
  get usedAt(): number {
    return this.#usedAt;
  }

  /** Whether nothing of the session is open. */
  get idle(): boolean {
    return this.#pending.size === 0 && !this.#outbox.read;
  }

  /** Carries any exchange of the session but `initialize`. */
  async exchange(request: UpstreamRequest): Promise<UpstreamReply> {
    this.#usedAt = performance.now();
    this.#came = true;
    request.onRevision(STATELESS);
    const { httpMethod, frame } = request;
    if (httpMethod === 'DELETE') {
      this.end();
      return empty(200);
    }
    if (httpMethod === 'GET' || frame === null) return this.#listen(request);
    switch (frame.kind) {
      case 'request':
        return this.#answer(frame, request);
      case 'notification':
        this.#notified(frame);
        return empty(202);
      case 'response':
        return this.#answered(frame);
    }
  }

  /** Whether the session's time is over. */
  isOver(now: number): boolean {
    const { sessionMaxAgeMs, sessionSetupTimeoutMs, sessionIdleTimeoutMs } = this.#context.limits;
    if (now - this.#createdAt > sessionMaxAgeMs) return true;
    if (!this.idle) return false;
    return now - this.#usedAt > (this.#came ? sessionIdleTimeoutMs : sessionSetupTimeoutMs);
  }

  end(): void {
    if (this.#ended) return;
    this.#ended = true;
    for (const control of this.#pending.values()) control.abort();
    this.#subscription.close();
    this.#outbox.close();
    this.#context.onEnded(this);
  }

  #listen({ signal }: UpstreamRequest): UpstreamReply {
    const events = this.#outbox.events(signal, () => (this.#usedAt = performance.now()));
    if (!this.#subscription.open && Object.keys(this.#filter()).length > 0) {
      this.#subscription.keep(this.#filter());
    }
    return { kind: 'events', status: 200, events, sessionId: null };
  }

  async #answer(frame: RequestFrame, request: UpstreamRequest): Promise<UpstreamReply> {
    switch (frame.method) {
      case 'ping':
        return json(resultFrame(frame.id, {}));
      case 'initialize':
        return invalid(frame, RPC.invalidRequest, 'the session is initialized already');
      case 'logging/setLevel':
        return this.#setLevel(frame);
      case 'resources/subscribe':
      case 'resources/unsubscribe':
        return this.#subscribe(frame);
      default:
        if (NOT_BRIDGED.test(frame.method)) {
          const to = `${this.#revision.name} to ${STATELESS.name}`;
          throw new BridgeNotPossible(`${frame.method} cannot be bridged from ${to}`);
        }
        return this.#carry(frame, request);
    }
  }

  async #carry(frame: RequestFrame, request: UpstreamRequest): Promise<UpstreamReply> {
    const control = this.#begin(frame);
    const { upstream, limits, nextId } = this.#context;
    const frames = this.#until(
      frame,
      carry(frame, {
        upstream,
        limits,
        principal: this.principal,
        client: this.#client,
        asks: this.#asks,
        toolHeaders: this.#toolHeaders,
        nextId,
        signal: control.signal,
        onLink: (link) => request.onLink(link),
      }),
      control.signal,
    );
    // A lost connection is no cancellation in this era: the server goes on, for nobody.
    const onGone = (): void => void drain(frames).catch(() => undefined);
    return replyOf(frames, { signal: request.signal, statusOf: () => 200, onGone });
  }

  /** Keeps the books of a call; one that its client has cancelled ends without an answer. */
  async *#until(
    frame: RequestFrame,
    frames: ReturnType<typeof carry>,
    cancelled: AbortSignal,
  ): ReturnType<typeof carry> {
    try {
      yield* frames;
    } catch (thrown) {
      if (!cancelled.aborted) throw thrown;
    } finally {
      this.#pending.delete(idKey(frame.id));
      this.#usedAt = performance.now();
    }
  }

  #begin({ id }: RequestFrame): AbortController {
    const key = idKey(id);
    if (this.#pending.has(key)) {
      throw new RequestIdInUse('a request with the same id is still unanswered');
    }
    const { maxInFlightPerSession: max } = this.#context.limits;
    if (this.#pending.size >= max) {
      throw new UpstreamOverloaded(`${max} requests are already unanswered`, {
        details: { limit: 'max_in_flight_per_session', max },
      });
    }
    const control = new AbortController();
    this.#pending.set(key, control);
    return control;
  }

  #notified({ method, params }: NotificationFrame): void {
    // The others have nobody to go to: servers of the stateless era know no client between its calls.
    if (method !== 'notifications/cancelled') return;
    const id = asRpcId(params['requestId']);
    if (id !== undefined) this.#pending.get(idKey(id))?.abort();
  }

  #answered(frame: ResponseFrame): UpstreamReply {
    if (this.#asks.take(frame)) return empty(202);
    throw new ResponseUnexpected('the server waits for no answer with this id');
  }

  #setLevel(frame: RequestFrame): UpstreamReply {
    const { level } = frame.params;
    if (!isLogLevel(level)) return invalid(frame, RPC.invalidParams, 'there is no such log level');
    this.#client = { ...this.#client, logLevel: level };
    return json(resultFrame(frame.id, {}));
  }

  async #subscribe(frame: RequestFrame): Promise<UpstreamReply> {
    const { uri } = frame.params;
    if (typeof uri !== 'string') return invalid(frame, RPC.invalidParams, '"uri" is no string');
    const subscribes = frame.method === 'resources/subscribe';
    if (subscribes === this.#uris.has(uri)) return json(resultFrame(frame.id, {}));
    const { maxInFlightPerSession: max } = this.#context.limits;
    if (subscribes && this.#uris.size >= max) {
      throw new UpstreamOverloaded(`${max} resources are subscribed to`, {
        details: { limit: 'max_in_flight_per_session', max },
      });
    }
    if (subscribes) this.#uris.add(uri);
    else this.#uris.delete(uri);
    const { resourceSubscriptions: uris } = await this.#resubscribe(uri);
    if (!subscribes || (Array.isArray(uris) && uris.includes(uri))) {
      return json(resultFrame(frame.id, {}));
    }
    await this.#takeBack(uri);
    return invalid(
      frame,
      RPC.methodNotFound,
      'the server does not tell of changes of this resource',
    );
  }

  async #resubscribe(uri: string): Promise<JsonObject> {
    try {
      return await this.#subscription.want(this.#filter());
    } catch (thrown) {
      await this.#takeBack(uri);
      throw thrown;
    }
  }

  /** What was subscribed to before has ended with the attempt at more; it is asked for again. */
  async #takeBack(uri: string): Promise<void> {
    this.#uris.delete(uri);
    await this.#subscription.want(this.#filter()).catch(() => undefined);
  }

  #filter(): JsonObject {
    if (this.#uris.size === 0) return this.#changes;
    return { ...this.#changes, resourceSubscriptions: [...this.#uris] };
  }
}

/** The changes that a server says it tells of. */
function changesOf(capabilities: JsonObject): JsonObject {
  const lists = ['tools', 'prompts', 'resources'].filter((name) => {
    const list = capabilities[name];
    return isObject(list) && list['listChanged'] === true;
  });
  return Object.fromEntries(lists.map((name) => [`${name}ListChanged`, true]));
}

async function drain(frames: AsyncIterable<unknown>): Promise<void> {
  for await (const _ of frames);
}

function invalid({ id }: RequestFrame, code: number, message: string): UpstreamReply {
  return json(errorAnswer(id, { code, message }));
}

function json(frame: ResponseFrame): UpstreamReply {
  return { kind: 'json', status: 200, frame, sessionId: null };
}

function empty(status: number): EmptyReply {
  return { kind: 'empty', status, sessionId: null };
}
