import type { Limits } from '#lib';
import { toPosternError } from '#lib';
import { askHealth } from './ask-health.ts';
import type { Connect, ConnectorOptions } from './connect.ts';
import { createConnector } from './connect.ts';
import type { Endpoint } from './endpoint.ts';

/** How endpoints are looked at without a call. */
export interface HealthCheckSettings {
  readonly intervalMs: number;
  /** Path and query that a GET answers with 200 to 399; `null` where a connection is enough. */
  readonly path: string | null;
}

interface Check {
  readonly endpoint: Endpoint;
  readonly connect: Connect;
}

/**
 * Looks at each endpoint from time to time. A check that fails counts as a failed call, and while an
 * endpoint is down checks find out that it is back, so that no call has to. What they find is told
 * when it changes something, by the endpoint.
 */
export class HealthChecks {
  readonly #settings: HealthCheckSettings;
  readonly #limits: Limits;
  readonly #closing = new AbortController();
  readonly #timers = new Map<Endpoint, NodeJS.Timeout>();
  readonly #running = new Set<Promise<void>>();

  constructor(
    endpoints: readonly Endpoint[],
    settings: HealthCheckSettings,
    options: Omit<ConnectorOptions, 'url' | 'limits'> & { readonly limits: Limits },
  ) {
    this.#settings = settings;
    this.#limits = options.limits;
    for (const endpoint of endpoints) {
      // A connection for nothing but a look is not worth a word of its own.
      const quiet = { ...options, url: endpoint.url, events: () => undefined };
      this.#schedule({ endpoint, connect: createConnector(quiet) });
    }
  }

  /** Resolves when no check is under way any more. */
  async close(): Promise<void> {
    this.#closing.abort();
    for (const timer of this.#timers.values()) clearTimeout(timer);
    await Promise.all(this.#running);
  }

  #schedule(check: Check): void {
    if (this.#closing.signal.aborted) return;
    // Neither all endpoints at once, nor all gateways.
    const pauseMs = this.#settings.intervalMs * (0.9 + Math.random() / 5);
    const timer = setTimeout(() => {
      const running = this.#run(check).finally(() => {
        this.#running.delete(running);
        this.#schedule(check);
      });
      this.#running.add(running);
    }, pauseMs);
    this.#timers.set(check.endpoint, timer.unref());
  }

  async #run({ endpoint, connect }: Check): Promise<void> {
    const { breaker } = endpoint;
    try {
      await this.#look(endpoint.url.host, connect);
      breaker.succeeded(breaker.state !== 'up');
    } catch (thrown) {
      if (this.#closing.signal.aborted) return;
      const { message, code } = toPosternError(thrown);
      const fault = { reason: message, code, wantedMs: 0, principal: null };
      breaker.failed(fault, breaker.state !== 'up');
    }
  }

  /** @throws what is wrong. */
  async #look(host: string, connect: Connect): Promise<void> {
    const { upstreamConnectTimeoutMs: timeoutMs, maxHeaderBytes } = this.#limits;
    const { path } = this.#settings;
    const { signal } = this.#closing;
    const hop = await connect(signal);
    const stop = (): void => void hop.socket.destroy();
    signal.addEventListener('abort', stop);
    try {
      if (path !== null) await askHealth(hop, { host, path, timeoutMs, maxHeaderBytes });
    } finally {
      signal.removeEventListener('abort', stop);
      stop();
    }
  }
}
