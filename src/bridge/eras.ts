import type { Limits } from '#lib';
import { PosternError } from '#lib';
import type { JsonObject, ResponseFrame, Revision } from '#mcp';
import { isObject, revisionByName } from '#mcp';
import type { Upstream, UpstreamReply, UpstreamRequest } from '#transport';
import { UpstreamProtocolError, UpstreamTimeout, UpstreamUnavailable } from '#transport';
import { errorOf, framesOf, requestFrame } from './frames.ts';
import { introduced, STATELESS } from './meta.ts';
import { isStatelessError } from './results.ts';
import { toServer } from './to-stateless/server.ts';

/** The era that a server is spoken to in; `stateless` also for a server of both. */
export type Era = Revision['era'];

/** A server may be upgraded or replaced; then this is how long it may go unnoticed. */
const REMEMBER_MS = 10 * 60 * 1000;

/** A server is asked again no sooner: some of what speaks against its era, clients can bring about. */
const DOUBT_AFTER_MS = 1000;

/** What the gateway needs to find out an era. */
export interface ProbeContext {
  readonly upstream: Upstream;
  readonly limits: Limits;
  /** How the gateway introduces itself. */
  readonly self: JsonObject;
  /** Called when an era was found out. */
  readonly onLearned: (era: Era) => void;
}

/**
 * Knows the era of one server from the gateway's own `server/discover`, never from what a client sent:
 * what one client does must not decide what the others get.
 */
export class Eras {
  readonly #context: ProbeContext;
  #learned: { readonly era: Era; readonly at: number } | null = null;
  #probe: { readonly principal: string; readonly era: Promise<Era> } | null = null;

  constructor(context: ProbeContext) {
    this.#context = context;
  }

  /** What is known without asking. */
  get known(): Era | null {
    if (this.#learned === null) return null;
    return performance.now() - this.#learned.at < REMEMBER_MS ? this.#learned.era : null;
  }

  /**
   * The server's era. Asks the server when it is not known, in the name of this request's principal,
   * whose process it may take; everybody else waits for the same answer. Where there is none, each asks
   * for itself: one who has used up its share must not keep the others from the server.
   *
   * @throws PosternError when the server cannot be asked.
   */
  async of(request: UpstreamRequest): Promise<Era> {
    const { known } = this;
    if (known !== null) return known;
    const { principal } = request;
    if (this.#probe !== null && this.#probe.principal !== principal) {
      return this.#probe.era.catch(() => this.known ?? this.#ask(request));
    }
    this.#probe ??= { principal, era: this.#ask(request).finally(() => (this.#probe = null)) };
    return this.#probe.era;
  }

  /** Something speaks against this era; the server will be asked again. */
  doubt(era: Era): void {
    if (this.#learned?.era !== era) return;
    if (performance.now() - this.#learned.at > DOUBT_AFTER_MS) this.#learned = null;
  }

  async #ask(request: UpstreamRequest): Promise<Era> {
    const era = await probe(this.#context, request);
    this.#learned = { era, at: performance.now() };
    this.#context.onLearned(era);
    return era;
  }
}

async function probe(context: ProbeContext, request: UpstreamRequest): Promise<Era> {
  const { upstream, limits, self } = context;
  // Not the client's signal: others wait for the answer, too.
  const signal = AbortSignal.timeout(limits.discoverTimeoutMs + PROBE_MARGIN_MS);
  const params = introduced({}, { clientInfo: self, capabilities: {}, logLevel: null });
  const frame = requestFrame('postern-probe', 'server/discover', params);
  try {
    const asked = toServer(frame, { principal: request.principal, signal });
    return await eraShownBy(await upstream.exchange(asked), limits);
  } catch (thrown) {
    if (signal.aborted) {
      throw new UpstreamTimeout('the server did not say in time which era it speaks', {
        cause: thrown,
      });
    }
    if (isRefusal(thrown)) return 'stateful';
    throw thrown;
  }
}

/** The upstream's own judgement of a silent program comes first. */
const PROBE_MARGIN_MS = 1000;

/**
 * What the answer to a well-formed `server/discover` shows (2026-07-28, stdio and Streamable HTTP,
 * "Backward Compatibility"): a result or an error that only that era has is a server of it, any other
 * error one of the stateful era.
 *
 * @throws UpstreamUnavailable for an answer of something between the gateway and the server.
 */
export async function eraShownBy(reply: UpstreamReply, limits: Limits): Promise<Era> {
  if (reply.status >= 500) throw notThere(reply.status);
  for await (const frame of framesOf(reply, limits)) {
    if (frame.kind === 'response') return eraOfAnswer(frame);
  }
  return 'stateful';
}

function eraOfAnswer(answer: ResponseFrame): Era {
  if ('result' in answer.outcome) return eraAmong(answer.outcome.result['supportedVersions']);
  const error = errorOf(answer);
  if (error === null || !isStatelessError(error.code)) return 'stateful';
  return isObject(error.data) ? eraAmong(error.data['supported'], 'stateless') : 'stateless';
}

/** The era of the revisions that a server names. */
function eraAmong(names: unknown, otherwise: Era = 'stateful'): Era {
  if (!Array.isArray(names)) return otherwise;
  if (names.includes(STATELESS.name)) return 'stateless';
  const known = names.some(
    (name: unknown) => typeof name === 'string' && revisionByName(name) !== undefined,
  );
  return known ? 'stateful' : 'stateless';
}

/** Whether the server has answered with an HTTP error that is no message. */
export function isRefusal(thrown: unknown): boolean {
  if (!(thrown instanceof PosternError) || thrown.code !== UpstreamProtocolError.code) return false;
  const { status } = thrown.details;
  return typeof status === 'number' && status >= 400 && status < 500;
}

function notThere(status: number): Error {
  return new UpstreamUnavailable(`the server answers with HTTP status ${status}`, {
    details: { status },
  });
}
