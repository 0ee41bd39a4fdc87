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
import { isBridged } from './to-stateless/session.ts';
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
    // Also when it is over: its client has to hear so, and the server never knew it.
    if (sessionId !== null && isBridged(sessionId)) {
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
    if (!refusesInitialize(native)) return native();
    this.#eras.doubt('stateful');
    const era = await settled(this.#eras.of(request));
    return shows(era, 'stateless') ? this.#toStateless.open(request, frame) : native();
  }

  async #ofStateless(request: UpstreamRequest): Promise<UpstreamReply> {
    if (this.#configured !== null) return this.#inEra(this.#configured, request);
    if (request.frame?.kind !== 'request') {
      return this.#inEra(this.#eras.known ?? 'stateless', request);
    }
    const era = await this.#eras.of(request);
    const reply = await settled(this.#inEra(era, request));
    if (!refutes(era, reply)) return reply();
    this.#eras.doubt(era);
    const now = await this.#eras.of(request);
    // Of a server that is another one than it was, the refusal was no answer to the request.
    return now === era ? reply() : this.#inEra(now, request);
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

/** Whether work came to this value. */
function shows<T>(outcome: () => T, value: T): boolean {
  try {
    return outcome() === value;
  } catch {
    return false;
  }
}

/** Whether `initialize` was refused with an error; which, every server decides for itself. */
function refusesInitialize(native: () => UpstreamReply): boolean {
  try {
    const reply = native();
    if (reply.kind === 'empty') return isClientError(reply.status);
    if (reply.kind !== 'json' || reply.frame.kind !== 'response') return false;
    return 'error' in reply.frame.outcome;
  } catch (thrown) {
    return isRefusal(thrown);
  }
}

/** Whether a server of this era would not have answered like this. */
function refutes(era: Era, outcome: () => UpstreamReply): boolean {
  try {
    const reply = outcome();
    return era === 'stateless' && speaksAgainstStateless(reply);
  } catch (thrown) {
    return isRefusal(thrown) || (era === 'stateful' && thrown instanceof InitializeRefused);
  }
}

function speaksAgainstStateless(reply: UpstreamReply): boolean {
  if (reply.kind === 'empty') return isClientError(reply.status);
  if (reply.kind !== 'json' || reply.status !== 400) return false;
  const { frame } = reply;
  if (frame.kind !== 'response' || !('error' in frame.outcome)) return false;
  const { code } = frame.outcome.error;
  return !isStatelessError(code) && code !== RPC.invalidParams;
}

function isClientError(status: number): boolean {
  return status >= 400 && status < 500;
}
