import { EventStreams } from '../duplex/event-stream.ts';
import { sortSessionless, useInitialize } from '../duplex/sessionless.ts';
import { Sessions } from '../duplex/sessions.ts';
import { Ticker } from '../duplex/ticker.ts';
import { CallCancelled } from '../errors.ts';
import type { HttpUpstreamOptions } from '../http/courier.ts';
import type { HttpUpstream } from '../http/upstream.ts';
import type { UpstreamHealth, UpstreamReply, UpstreamRequest, UpstreamStats } from '../upstream.ts';
import { SseServer } from './server.ts';

/**
 * Presents a server on the HTTP+SSE transport of 2024-11-05 as a Streamable HTTP server: one event
 * stream for each session of the stateful era, opened by its `initialize` and ended with it. Clients
 * of 2026-07-28 are told to use `initialize`.
 *
 * @throws TypeError when a URL and `tls` do not go together.
 */
export function createSseUpstream(options: HttpUpstreamOptions): HttpUpstream {
  return new SseUpstream(options);
}

class SseUpstream implements HttpUpstream {
  readonly name: string;
  readonly kind = 'sse';
  readonly #server: SseServer;
  readonly #streams: EventStreams;
  readonly #sessions: Sessions;
  readonly #ticker: Ticker;

  constructor(options: HttpUpstreamOptions) {
    this.name = options.name;
    this.#server = new SseServer(options);
    this.#streams = new EventStreams(options.limits);
    this.#sessions = new Sessions(this.#server, this.#server, this.#streams);
    this.#ticker = new Ticker(this.#streams, this.#sessions);
  }

  async exchange(request: UpstreamRequest): Promise<UpstreamReply> {
    this.#server.check();
    if (request.signal.aborted) throw new CallCancelled('the client went away');
    if (request.revision.era === 'stateful') {
      this.#ticker.start();
      return this.#sessions.exchange(request);
    }
    const sorted = sortSessionless(request);
    if ('reply' in sorted) return sorted.reply;
    return useInitialize(sorted.request.id, 'its transport is HTTP+SSE');
  }

  health(): Promise<UpstreamHealth> {
    return this.#server.courier.health();
  }

  stats(): UpstreamStats {
    return { sessions: this.#sessions.size, children: 0, ...this.#server.courier.stats() };
  }

  recycle(): void {
    this.#server.recycle();
  }

  async close(): Promise<void> {
    this.#sessions.close();
    await this.#server.close();
    this.#ticker.stop();
  }
}
