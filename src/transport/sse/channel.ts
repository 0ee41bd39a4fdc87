import type { LinkSecurity } from '#crypto';
import type { PosternError } from '#lib';
import { toPosternError } from '#lib';
import type { Channel, ChannelHandlers, Observer, Outgoing } from '../duplex/channel.ts';
import { Inlet } from '../duplex/inlet.ts';
import { SessionNotFound, UpstreamTimeout, UpstreamUnavailable } from '../errors.ts';
import type { Errand } from '../http/courier.ts';
import type { SseEvent } from '../sse-event.ts';
import type { StreamEvent } from '../upstream.ts';
import { endpointPath } from './endpoint.ts';
import { acknowledgementHead, streamHead } from './heads.ts';
import type { SseServer } from './server.ts';

/**
 * The messages of one session with an HTTP+SSE server: a GET whose event stream brings what the server
 * says, and a POST for each message to it, to the URI that the stream's `endpoint` event names.
 */
export class SseChannel implements Channel {
  /** Resolves when the stream is over. */
  readonly done: Promise<void>;
  readonly #server: SseServer;
  readonly #asker: { readonly principal: string; readonly subjectToken: null };
  readonly #handlers: ChannelHandlers;
  readonly #inlet: Inlet;
  readonly #endpoint = Promise.withResolvers<string>();
  readonly #over = new AbortController();
  /** Runs until the endpoint is named. */
  readonly #patience: NodeJS.Timeout;
  #link: LinkSecurity | null = null;
  #named = false;
  /** Settles when readers have caught up; `null` while none is behind. */
  #pause: PromiseWithResolvers<void> | null = null;

  constructor(server: SseServer, principal: string, handlers: ChannelHandlers) {
    this.#server = server;
    this.#asker = { principal, subjectToken: null };
    this.#handlers = handlers;
    this.#inlet = new Inlet({
      server,
      unit: 'event',
      handlers,
      pause: () => void (this.#pause ??= Promise.withResolvers()),
      resume: () => this.#resume(),
      onHopeless: (error) => this.#end(error),
    });
    // Whoever sends is told; it may be nobody.
    this.#endpoint.promise.catch(() => undefined);
    const { upstreamIdleTimeoutMs } = server.limits;
    const lose = (): void => this.#end(silent(upstreamIdleTimeoutMs));
    this.#patience = setTimeout(lose, upstreamIdleTimeoutMs).unref();
    this.done = this.#receive();
  }

  get link(): LinkSecurity | null {
    return this.#link;
  }

  get held(): boolean {
    return this.#inlet.held;
  }

  /**
   * POSTs one message, once the server has named where to; resolves when it is acknowledged.
   *
   * @throws SessionNotFound, and what the hop meets.
   */
  async send(message: Outgoing, observer?: Observer): Promise<void> {
    const path = await this.#endpoint.promise;
    const gate = message.kind === 'request' ? 'calls' : 'answers';
    try {
      const errand = this.#post(path, message.bytes, observer);
      await this.#server.courier.send(errand, gate, this.#asker);
    } catch (thrown) {
      if (this.#over.signal.aborted) throw this.#over.signal.reason;
      if (thrown instanceof SessionNotFound) this.#endAfterwards();
      throw thrown;
    }
  }

  /** Ends the session once the message that found out has failed, which was not done for sure. */
  #endAfterwards(): void {
    queueMicrotask(() => queueMicrotask(() => this.#end(forgotten())));
  }

  hold(holder: object): void {
    this.#inlet.hold(holder);
  }

  release(holder: object): void {
    this.#inlet.release(holder);
  }

  dropped(what: string): void {
    this.#inlet.dropped(what);
  }

  /** Ends the channel as a failure of its own, of which the owner is told. */
  refuse(error: PosternError): void {
    this.#end(error);
  }

  stop(): Promise<void> {
    this.#close(new UpstreamUnavailable('the session is over'));
    return this.done;
  }

  async #receive(): Promise<void> {
    try {
      const reply = await this.#server.courier.send(this.#get(), 'streams', this.#asker);
      if (reply.kind === 'events') await this.#takeAll(reply.events);
      this.#end(new UpstreamUnavailable('the server ended the event stream of the session'));
    } catch (thrown) {
      this.#end(toPosternError(thrown));
    }
  }

  async #takeAll(events: AsyncIterable<StreamEvent>): Promise<void> {
    for await (const { message } of events) {
      if (message !== null) this.#inlet.take(message);
      // What comes meanwhile waits in the stream's queue, and then in the connection.
      if (this.#pause !== null) await this.#pause.promise;
    }
  }

  #onEvent(event: SseEvent): StreamEvent | null {
    if (event.type === 'message') return event;
    if (event.type === 'endpoint') this.#onEndpoint(event.message);
    return null;
  }

  #onEndpoint(data: Buffer | null): void {
    if (this.#named) {
      this.dropped('another endpoint');
      return;
    }
    this.#named = true;
    clearTimeout(this.#patience);
    try {
      this.#endpoint.resolve(endpointPath(data, this.#server.url));
    } catch (thrown) {
      this.#end(toPosternError(thrown));
    }
  }

  #get(): Errand {
    const { courier, url } = this.#server;
    return {
      httpMethod: 'GET',
      readHead: streamHead,
      passEvent: (event) => this.#onEvent(event),
      path: url.pathname + url.search,
      headers: () => courier.headers.own('GET'),
      body: null,
      longLived: true,
      signal: this.#over.signal,
      onLink: (link) => {
        this.#link = link;
      },
    };
  }

  #post(path: string, body: Buffer, observer: Observer | undefined): Errand {
    return {
      httpMethod: 'POST',
      readHead: acknowledgementHead,
      passEvent: () => null,
      path,
      headers: () => this.#server.courier.headers.own('POST'),
      body,
      longLived: false,
      signal: this.#over.signal,
      onLink: (link) => observer?.onLink(link),
    };
  }

  #resume(): void {
    this.#pause?.resolve();
    this.#pause = null;
  }

  #end(error: PosternError): void {
    if (this.#close(error)) this.#handlers.onClosed(error);
  }

  /** @returns whether it was open. */
  #close(error: PosternError): boolean {
    if (this.#over.signal.aborted) return false;
    this.#over.abort(error);
    clearTimeout(this.#patience);
    this.#endpoint.reject(error);
    this.#inlet.close();
    this.#resume();
    return true;
  }
}

function silent(timeoutMs: number): PosternError {
  return new UpstreamTimeout(`the server named no endpoint for messages within ${timeoutMs} ms`, {
    details: { limit: 'upstream_idle_timeout_ms', max: timeoutMs },
  });
}

/** What calls end with that the server had taken before: it may have done them. */
function forgotten(): PosternError {
  return new UpstreamUnavailable('the server has forgotten the session');
}
