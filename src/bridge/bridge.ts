import type { Sealer } from '#crypto';
import type { EventSink, Limits } from '#lib';
import type { RequestFrame } from '#mcp';
import { RPC } from '#mcp';
import type {
  Upstream,
  UpstreamHealth,
  UpstreamReply,
  UpstreamRequest,
  UpstreamStats,
} from '#transport';
import type { Era } from './eras.ts';
import { Eras, isRefusal } from './eras.ts';
import { InitializeRefused } from './errors.ts';
import { isStatelessError } from './results.ts';
import { ToStateful } from './to-stateful/calls.ts';
import { ToStateless } from './to-stateless/sessions.ts';

/** What {@link createBridge} needs. */
export interface BridgeOptions {
  /** The era of the server, `auto` to find it out. */
  readonly era: Era | 'auto';
  /** Version of the gateway, by which it introduces itself to servers. */
  readonly version: string;
  /** Seals what a stateless client keeps for a call that waits for it. */
  readonly sealer: Sealer;
  readonly limits: Limits;
  readonly events: EventSink;
}

/**
 * An upstream for clients of both eras before a server of either (2026-07-28, Versioning). Traffic
 * within one era passes untouched; between eras each message is translated.
 */
export function createBridge(upstream: Upstream, options: BridgeOptions): Upstream {
  return new Bridge(upstream, options);
}

class Bridge implements Upstream {
  readonly name: string;
  readonly kind: Upstream['kind'];
  readonly #upstream: Upstream;
  readonly #configured: Era | null;
  readonly #eras: Eras;
  readonly #toStateless: ToStateless;
  readonly #toStateful: ToStateful;

  constructor(upstream: Upstream, { era, version, sealer, limits, events }: BridgeOptions) {
    const self = { name: 'postern', version };
    this.name = upstream.name;
    this.kind = upstream.kind;
    this.#upstream = upstream;
    this.#configured = era === 'auto' ? null : era;
    this.#toStateless = new ToStateless(upstream, limits);
    this.#toStateful = new ToStateful({ upstream, limits, sealer, self });
    this.#eras = new Eras({
      upstream,
      limits,
      self,
      onLearned: (found) => {
        events({
          severity: 'info',
          name: 'upstream.era_found',
          message: `"${upstream.name}" speaks the ${found} revisions`,
          fields: { server: upstream.name, era: found },
        });
      },
    });
  }

  exchange(request: UpstreamRequest): Promise<UpstreamReply> {
    return request.revision.era === 'stateful'
      ? this.#ofStateful(request)
      : this.#ofStateless(request);
  }

  health(): Promise<UpstreamHealth> {
    return this.#upstream.health();
  }

  stats(): UpstreamStats {
    const stats = this.#upstream.stats();
    return { ...stats, sessions: stats.sessions + this.#toStateless.size };
  }

  async close(): Promise<void> {
    this.#toStateless.close();
    await this.#toStateful.close();
    await this.#upstream.close();
  }

  #ofStateful(request: UpstreamRequest): Promise<UpstreamReply> {
    const { sessionId, frame } = request;
    if (sessionId !== null && this.#toStateless.has(sessionId)) {
      return this.#toStateless.exchange(request);
    }
    const opens = frame?.kind === 'request' && frame.method === 'initialize';
    if (sessionId !== null || !opens || this.#configured === 'stateful') {
      return this.#upstream.exchange(request);
    }
    if (this.#configured === 'stateless') return this.#toStateless.open(request, frame);
    return this.#initialize(request, frame);
  }

  /** A server of both eras answers `initialize` itself; one that refuses it may be of the other. */
  async #initialize(request: UpstreamRequest, frame: RequestFrame): Promise<UpstreamReply> {
    const native = await settled(this.#upstream.exchange(request));
    if (!(await refusesInitialize(native))) return native();
    const era = await settled(this.#eras.of(request));
    return era() === 'stateless' ? this.#toStateless.open(request, frame) : native();
  }

  async #ofStateless(request: UpstreamRequest): Promise<UpstreamReply> {
    if (request.frame?.kind !== 'request') return this.#upstream.exchange(request);
    if (this.#configured !== null) return this.#inEra(this.#configured, request);
    const era = await this.#eras.of(request);
    try {
      const reply = await this.#inEra(era, request);
      if (era === 'stateful' || !speaksAgainstStateless(reply)) return reply;
    } catch (thrown) {
      const refuted = era === 'stateful' ? thrown instanceof InitializeRefused : isRefusal(thrown);
      if (!refuted) throw thrown;
    }
    // The server is another one than it was; its refusal was no answer to the request.
    this.#eras.forget();
    return this.#inEra(await this.#eras.of(request), request);
  }

  #inEra(era: Era, request: UpstreamRequest): Promise<UpstreamReply> {
    return era === 'stateful'
      ? this.#toStateful.exchange(request)
      : this.#upstream.exchange(request);
  }
}

/** What a promise came to, to be had again: its value, or what it was rejected with. */
async function settled<T>(work: Promise<T>): Promise<() => T> {
  try {
    const value = await work;
    return () => value;
  } catch (thrown) {
    return () => {
      throw thrown;
    };
  }
}

/** Whether `initialize` was refused with an error; which, every server decides for itself. */
async function refusesInitialize(native: () => UpstreamReply): Promise<boolean> {
  try {
    const reply = native();
    if (reply.kind === 'empty') return reply.status >= 400 && reply.status < 500;
    return (
      reply.kind === 'json' && reply.frame.kind === 'response' && 'error' in reply.frame.outcome
    );
  } catch (thrown) {
    return isRefusal(thrown);
  }
}

/** Whether a server of the stateless era would not have answered like this. */
function speaksAgainstStateless(reply: UpstreamReply): boolean {
  if (reply.kind === 'empty') return reply.status >= 400 && reply.status < 500;
  if (reply.kind !== 'json' || reply.status !== 400 || reply.frame.kind !== 'response')
    return false;
  const { outcome } = reply.frame;
  if (!('error' in outcome)) return false;
  const { code } = outcome.error;
  return !isStatelessError(code) && code !== RPC.invalidParams;
}
