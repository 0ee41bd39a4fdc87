import type { LinkSecurity } from '#crypto';
import type { Limits, PosternError } from '#lib';
import type { Frame, JsonObject, RequestFrame, ResponseFrame, RpcId } from '#mcp';
import {
  always,
  editJson,
  errorFrame,
  isObject,
  jsonLimitsOf,
  readFrame,
  REVISION_NAMES,
  RPC,
} from '#mcp';
import type { Channel, ChannelHandlers, Observer, Outgoing } from '../../duplex/channel.ts';
import { UpstreamOverloaded } from '../../errors.ts';

/** The process that sessions share, as one of them sees it. */
export interface Host {
  readonly limits: Limits;
  readonly link: LinkSecurity | null;
  forward(tenant: Tenant, frame: RequestFrame, observer?: Observer): Promise<void>;
  /** Tells the server that nobody waits for a request of this session any more. */
  cancel(tenant: Tenant, requestId: unknown): void;
  /** Whether any session is subscribed to a resource. */
  isWanted(uri: string): boolean;
  dropped(what: string): void;
  leave(tenant: Tenant): void;
}

/** Why one session of many cannot have what it asks for. */
const NOT_SHARED: readonly (readonly [string, string])[] = [
  ['tasks/', 'tasks of a shared server belong to nobody'],
  ['logging/setLevel', 'the log level of a shared server is everybody’s'],
];

/** What one session may have the gateway remember. */
const MAX_SUBSCRIPTIONS = 1024;
const MAX_URI_LENGTH = 4096;

/** The channel of one session to a process that it shares with others. */
export class Tenant implements Channel {
  /** URIs that the session is subscribed to. */
  readonly subscriptions = new Set<string>();
  readonly #host: Host;
  readonly #handlers: ChannelHandlers;
  readonly #holders = new Set<object>();
  /** What came while a reader of this session was behind: the others must not wait for it. */
  readonly #waiting: Frame[] = [];
  #waitingBytes = 0;
  #asking: RequestFrame | null = null;
  #introduction: JsonObject | null = null;
  #closed = false;

  constructor(host: Host, handlers: ChannelHandlers) {
    this.#host = host;
    this.#handlers = handlers;
  }

  get link(): LinkSecurity | null {
    return this.#host.link;
  }

  get held(): boolean {
    return this.#holders.size > 0;
  }

  async send({ bytes }: Outgoing, observer?: Observer): Promise<void> {
    if (this.#closed) return;
    const { limits, link } = this.#host;
    if (link !== null) observer?.onLink(link);
    const frame = readFrame(bytes, jsonLimitsOf(limits, limits.maxRequestBytes));
    if (frame.kind === 'request') await this.#ask(frame, observer);
    // The rest of what a client notifies is about itself, and the server knows the gateway alone.
    else if (frame.kind === 'notification' && frame.method === 'notifications/cancelled') {
      this.#host.cancel(this, frame.params['requestId']);
    }
  }

  hold(holder: object): void {
    this.#holders.add(holder);
  }

  release(holder: object): void {
    if (!this.#holders.delete(holder)) return;
    while (this.#holders.size === 0) {
      const frame = this.#waiting.shift();
      if (frame === undefined) return;
      this.#waitingBytes -= frame.bytes.length;
      this.#handlers.onFrame(frame);
    }
  }

  dropped(what: string): void {
    this.#host.dropped(what);
  }

  async stop(): Promise<void> {
    this.#closed = true;
    this.#waiting.length = 0;
    this.#host.leave(this);
  }

  /** The server has told who it is. */
  introduce(introduction: JsonObject): void {
    this.#introduction = introduction;
    const asking = this.#asking;
    this.#asking = null;
    if (asking !== null) this.#answerInitialize(asking, introduction);
  }

  /** The server does not initialize; the session is answered as the server answered. */
  refused(error: { readonly code: number; readonly message: string }, bytes: Buffer): void {
    if (this.#asking === null) return;
    const { id } = this.#asking;
    this.#asking = null;
    const answer = editJson(bytes, { id: always(id) });
    this.deliver({ kind: 'response', bytes: answer, id, outcome: { error } });
  }

  /** The server has answered a request of this session. */
  answered({ method, params }: RequestFrame, answer: ResponseFrame): void {
    if ('error' in answer.outcome && method === 'resources/subscribe') {
      this.subscriptions.delete(String(params['uri']));
    }
    this.deliver(answer);
  }

  /** Passes on a message, at once or when the session's readers have caught up. */
  deliver(frame: Frame): void {
    if (this.#closed) return;
    if (!this.held) {
      this.#handlers.onFrame(frame);
      return;
    }
    this.#waiting.push(frame);
    this.#waitingBytes += frame.bytes.length;
    const max = this.#host.limits.maxMessageBytes;
    if (this.#waitingBytes <= max) return;
    this.closed(new UpstreamOverloaded('the client reads too slowly for a shared server'));
    void this.stop();
  }

  /** A request of this session was answered with something unreadable. */
  failed(id: RpcId, error: PosternError): void {
    if (!this.#closed) this.#handlers.onRefusedAnswer(id, error);
  }

  /** The process has ended. */
  closed(error: PosternError): void {
    if (this.#closed) return;
    this.#closed = true;
    this.#handlers.onClosed(error);
  }

  async #ask(frame: RequestFrame, observer?: Observer): Promise<void> {
    const refusal = NOT_SHARED.find(([start]) => frame.method.startsWith(start))?.[1];
    if (refusal !== undefined) {
      this.deliver(errorFrame(frame.id, { code: RPC.methodNotFound, message: refusal }));
    } else if (frame.method === 'initialize') {
      this.#initialize(frame);
    } else if (frame.method === 'resources/unsubscribe' && this.#stillWanted(frame)) {
      this.deliver(resultFrame(frame.id, {}));
    } else {
      if (frame.method === 'resources/subscribe') this.#subscribe(frame);
      await this.#host.forward(this, frame, observer);
    }
  }

  /**
   * Counts from now on: what another session unsubscribes from meanwhile must not be lost here.
   *
   * @throws UpstreamOverloaded
   */
  #subscribe({ params }: RequestFrame): void {
    const uri = String(params['uri']);
    if (this.subscriptions.has(uri)) return;
    if (this.subscriptions.size >= MAX_SUBSCRIPTIONS || uri.length > MAX_URI_LENGTH) {
      throw new UpstreamOverloaded(
        `a session of a shared server subscribes to ${MAX_SUBSCRIPTIONS} resources at most, of ${MAX_URI_LENGTH} characters each`,
      );
    }
    this.subscriptions.add(uri);
  }

  /** Leaves the server subscribed while others want to hear of the resource. */
  #stillWanted({ params }: RequestFrame): boolean {
    const uri = String(params['uri']);
    this.subscriptions.delete(uri);
    return this.#host.isWanted(uri);
  }

  #initialize(frame: RequestFrame): void {
    if (this.#introduction === null) this.#asking = frame;
    else this.#answerInitialize(frame, this.#introduction);
  }

  #answerInitialize(frame: RequestFrame, introduction: JsonObject): void {
    const { capabilities } = introduction;
    const offered = isObject(capabilities) ? capabilities : {};
    const { tasks: _tasks, logging: _logging, ...shared } = offered;
    const protocolVersion = olderOf(
      frame.params['protocolVersion'],
      introduction['protocolVersion'],
    );
    const result = { ...introduction, protocolVersion, capabilities: shared };
    // Never while the channel is still being handed out.
    queueMicrotask(() => this.deliver(resultFrame(frame.id, result)));
  }
}

/** The revision that a client asks for when it is one that is older than the server's. */
function olderOf(asked: unknown, spoken: unknown): unknown {
  const [mine, theirs] = [asked, spoken].map((name) => REVISION_NAMES.indexOf(String(name)));
  return mine !== undefined && theirs !== undefined && mine >= 0 && mine < theirs ? asked : spoken;
}

function resultFrame(id: RpcId, result: JsonObject): ResponseFrame {
  const bytes = Buffer.from(JSON.stringify({ jsonrpc: '2.0', id, result }));
  return { kind: 'response', bytes, id, outcome: { result } };
}
