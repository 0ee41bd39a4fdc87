import type { Limits, PosternError } from '#lib';
import type {
  Edits,
  Frame,
  JsonObject,
  NotificationFrame,
  RequestFrame,
  ResponseFrame,
} from '#mcp';
import { always, asRpcId, editJson, errorFrame, metaOf, RPC } from '#mcp';
import { cancelledMessage } from '../../duplex/calls.ts';
import type { Channel, ChannelHandlers, Observer } from '../../duplex/channel.ts';
import { UpstreamProtocolError } from '../../errors.ts';
import type { Launcher } from '../launcher.ts';
import type { Host } from './tenant.ts';
import { Tenant } from './tenant.ts';

/** The id of the gateway's own `initialize`; those of calls are greater. */
const INITIALIZE_ID = 0;
const NEWEST_STATEFUL = '2025-11-25';

interface SharedCall {
  readonly tenant: Tenant;
  readonly frame: RequestFrame;
}

/**
 * One process that serves many sessions of the stateful era. It is introduced to the gateway once, as
 * to a client without capabilities; ids and progress tokens of the sessions become the gateway's, so
 * that an answer reaches the session that asked, and it alone. What the server says to all its clients
 * (lists that changed, resources that were subscribed to) reaches those whom it concerns; what it asks
 * of a client is refused, since nobody could tell of which.
 */
export class SharedProcess implements Host {
  readonly limits: Limits;
  readonly #channel: Channel;
  readonly #onOver: () => void;
  readonly #tenants = new Set<Tenant>();
  readonly #calls = new Map<number, SharedCall>();
  #lastId = INITIALIZE_ID;
  /** What the server answered to `initialize`. */
  #introduction: JsonObject | null = null;
  #unusedSince = Infinity;

  /** @throws what the launcher throws. */
  constructor(launcher: Launcher, owner: string, onOver: () => void) {
    this.limits = launcher.program.limits;
    this.#onOver = onOver;
    this.#channel = launcher.open(owner, {
      onFrame: (frame) => this.#onFrame(frame),
      onRefusedAnswer: (id, error) => this.#onRefused(id, error),
      onClosed: (error) => this.#close(error),
    });
    this.#send(initialize());
  }

  get link(): Channel['link'] {
    return this.#channel.link;
  }

  /** When the last session left, on the clock of performance.now(); `Infinity` while there is one. */
  get unusedSince(): number {
    return this.#unusedSince;
  }

  /** Lets one more session in. */
  admit(handlers: ChannelHandlers): Channel {
    const tenant = new Tenant(this, handlers);
    this.#tenants.add(tenant);
    this.#unusedSince = Infinity;
    if (this.#introduction !== null) tenant.introduce(this.#introduction);
    return tenant;
  }

  /** Ends the process; sessions that it still has end with it. */
  stop(): void {
    void this.#channel.stop();
    this.#close(new UpstreamProtocolError('the shared process was stopped'));
  }

  async forward(tenant: Tenant, frame: RequestFrame, observer?: Observer): Promise<void> {
    const id = this.#newId();
    this.#calls.set(id, { tenant, frame });
    const asked = metaOf(frame.params)['progressToken'] !== undefined;
    const params = asked ? { _meta: { progressToken: always(id) } } : {};
    const bytes = editJson(frame.bytes, { id: always(id), params });
    try {
      await this.#channel.send({ kind: 'request', bytes }, observer);
    } catch (thrown) {
      this.#calls.delete(id);
      throw thrown;
    }
  }

  cancel(tenant: Tenant, requestId: unknown): void {
    for (const [id, call] of this.#calls) {
      if (call.tenant !== tenant || call.frame.id !== requestId) continue;
      this.#calls.delete(id);
      this.#send(cancelledMessage(id, 'the client cancelled the call'));
    }
  }

  isWanted(uri: string): boolean {
    return [...this.#tenants].some((tenant) => tenant.subscriptions.has(uri));
  }

  dropped(what: string): void {
    this.#channel.dropped(what);
  }

  leave(tenant: Tenant): void {
    if (!this.#tenants.delete(tenant)) return;
    for (const [id, call] of this.#calls) {
      if (call.tenant !== tenant) continue;
      this.#calls.delete(id);
      this.#send(cancelledMessage(id, 'the session ended'));
    }
    for (const uri of tenant.subscriptions) {
      if (!this.isWanted(uri)) this.#send(unsubscribe(this.#newId(), uri));
    }
    if (this.#tenants.size === 0) this.#unusedSince = performance.now();
  }

  /** An id that no other request to this process has, however late its answer comes. */
  #newId(): number {
    this.#lastId += 1;
    return this.#lastId;
  }

  #onFrame(frame: Frame): void {
    switch (frame.kind) {
      case 'request':
        this.#refuse(frame);
        return;
      case 'notification':
        this.#onNotification(frame);
        return;
      case 'response':
        this.#onAnswer(frame);
    }
  }

  #onAnswer(frame: ResponseFrame): void {
    if (frame.id === INITIALIZE_ID) {
      this.#onIntroduced(frame);
      return;
    }
    const call = typeof frame.id === 'number' ? this.#calls.get(frame.id) : undefined;
    if (call === undefined || frame.id === null) {
      this.dropped('an answer that nobody waits for');
      return;
    }
    this.#calls.delete(frame.id as number);
    const { id } = call.frame;
    call.tenant.answered(call.frame, { ...frame, id, bytes: withId(frame.bytes, id) });
  }

  #onIntroduced({ bytes, outcome }: ResponseFrame): void {
    if ('error' in outcome) {
      for (const tenant of this.#tenants) tenant.refused(outcome.error, bytes);
      this.stop();
      return;
    }
    this.#introduction = outcome.result;
    this.#send({ jsonrpc: '2.0', method: 'notifications/initialized' });
    for (const tenant of this.#tenants) tenant.introduce(outcome.result);
  }

  #onNotification(frame: NotificationFrame): void {
    const { method, params } = frame;
    if (method === 'notifications/progress') {
      this.#onProgress(frame);
    } else if (method.endsWith('/list_changed')) {
      for (const tenant of this.#tenants) tenant.deliver(frame);
    } else if (method === 'notifications/resources/updated') {
      for (const tenant of this.#tenants) {
        if (tenant.subscriptions.has(String(params['uri']))) tenant.deliver(frame);
      }
    } else if (method === 'notifications/message') {
      // It names no call, and may come after the answer to the one that it is about.
      this.dropped('a log message of nobody knows whom');
    } else {
      this.dropped('a notification that is not for all clients');
    }
  }

  #onProgress(frame: NotificationFrame): void {
    const call = this.#calls.get(frame.params['progressToken'] as number);
    const token =
      call === undefined ? undefined : asRpcId(metaOf(call.frame.params)['progressToken']);
    if (call === undefined || token === undefined) {
      this.dropped('progress of a call that nobody waits for');
      return;
    }
    const edits: Edits = { params: { progressToken: always(token) } };
    const params = { ...frame.params, progressToken: token };
    call.tenant.deliver({ ...frame, params, bytes: editJson(frame.bytes, edits) });
  }

  #refuse(frame: RequestFrame): void {
    if (frame.method === 'ping') {
      this.#send({ jsonrpc: '2.0', id: frame.id, result: {} });
      return;
    }
    const message = 'this client serves many others and answers nothing for them';
    this.#send(errorFrame(frame.id, { code: RPC.methodNotFound, message }));
  }

  #onRefused(id: unknown, error: PosternError): void {
    const call = typeof id === 'number' ? this.#calls.get(id) : undefined;
    if (call === undefined) return;
    this.#calls.delete(id as number);
    call.tenant.failed(call.frame.id, error);
  }

  #close(error: PosternError): void {
    this.#onOver();
    this.#calls.clear();
    for (const tenant of this.#tenants) tenant.closed(error);
    this.#tenants.clear();
  }

  /** A server that does not read its input will not know it the better for hearing of a failure. */
  #send(message: object): void {
    const bytes = 'bytes' in message ? (message.bytes as Buffer) : undefined;
    const outgoing = bytes ?? Buffer.from(JSON.stringify(message));
    this.#channel.send({ kind: 'notification', bytes: outgoing }).catch(() => undefined);
  }
}

function initialize(): object {
  const clientInfo = { name: 'postern', version: '1' };
  const params = { protocolVersion: NEWEST_STATEFUL, capabilities: {}, clientInfo };
  return { jsonrpc: '2.0', id: INITIALIZE_ID, method: 'initialize', params };
}

function unsubscribe(id: number, uri: string): object {
  return { jsonrpc: '2.0', id, method: 'resources/unsubscribe', params: { uri } };
}

function withId(bytes: Buffer, id: RequestFrame['id']): Buffer {
  return editJson(bytes, { id: always(id) });
}
