import type {
  Upstream,
  UpstreamHealth,
  UpstreamReply,
  UpstreamRequest,
  UpstreamStats,
} from '../upstream.ts';
import type { CallerTokens } from './caller-tokens.ts';

/**
 * A server that is asked in the name of callers alone: whoever comes without a token to exchange gets
 * CallerTokenRequired before anything is done, whatever stands between here and the server.
 */
export class CallersOnly implements Upstream {
  readonly name: string;
  readonly kind: Upstream['kind'];
  readonly #upstream: Upstream;
  readonly #tokens: Pick<CallerTokens, 'admit'>;

  constructor(upstream: Upstream, tokens: Pick<CallerTokens, 'admit'>) {
    this.name = upstream.name;
    this.kind = upstream.kind;
    this.#upstream = upstream;
    this.#tokens = tokens;
  }

  async exchange(request: UpstreamRequest): Promise<UpstreamReply> {
    this.#tokens.admit(request);
    return this.#upstream.exchange(request);
  }

  health(): Promise<UpstreamHealth> {
    return this.#upstream.health();
  }

  stats(): UpstreamStats {
    return this.#upstream.stats();
  }

  close(): Promise<void> {
    return this.#upstream.close();
  }
}
