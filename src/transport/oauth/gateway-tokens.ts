import type { EventSink } from '#lib';
import { messageOf } from '#lib';
import { CallCancelled } from '../errors.ts';
import type { AccessToken } from './access-token.ts';
import type { Asking, Authorization } from './authorization.ts';
import { KeptToken } from './kept-token.ts';
import type { Grant, TokenEndpoint } from './token-endpoint.ts';
import { untilGone } from './until-gone.ts';

/** What {@link GatewayTokens} needs. */
export interface GatewayTokensOptions {
  readonly server: string;
  readonly endpoint: TokenEndpoint;
  /** What the token is to be for: `scope`, `resource`, `audience`. */
  readonly wanted: Grant;
  readonly events: EventSink;
}

/** One token for all exchanges with a server: the gateway's own (RFC 6749, section 4.4). */
export class GatewayTokens implements Authorization {
  readonly #options: GatewayTokensOptions;
  readonly #kept: KeptToken;
  readonly #closing = new AbortController();

  constructor(options: GatewayTokensOptions) {
    this.#options = options;
    const grant = { grant_type: 'client_credentials', ...options.wanted };
    this.#kept = new KeptToken({
      ask: () => options.endpoint.ask(grant, false, this.#closing.signal),
      onChange: () => this.#tellChange(),
      onTrouble: (thrown, inForce) => this.#tellTrouble(thrown, inForce),
    });
  }

  tokenFor({ signal }: Asking): AccessToken | Promise<AccessToken> {
    const token = this.#kept.current();
    return token instanceof Promise ? untilGone(token, signal) : token;
  }

  replace({ signal }: Asking, refused: AccessToken): Promise<AccessToken | null> {
    return untilGone(this.#kept.replace(refused), signal);
  }

  async probe(): Promise<string> {
    const { gotAtMs, expiresAtMs } = await this.#kept.current();
    const seconds = Math.round((expiresAtMs - gotAtMs) / 1000);
    return `${this.#options.endpoint.origin} gives the gateway a token for ${seconds} s`;
  }

  async close(): Promise<void> {
    this.#closing.abort(new CallCancelled('the gateway stops'));
    await this.#kept.settled();
  }

  #tellChange(): void {
    const { server, events } = this.#options;
    events({
      severity: 'debug',
      name: 'token.issued',
      message: `${server} is called with a new access token from now on`,
      fields: { upstream: server },
    });
  }

  #tellTrouble(thrown: unknown, inForce: boolean): void {
    if (this.#closing.signal.aborted) return;
    const { server, events, endpoint } = this.#options;
    const consequence = inForce
      ? 'the last one is used while it is valid'
      : `calls to ${server} fail`;
    events({
      severity: 'alert',
      name: 'token.unavailable',
      message: `no access token for ${server} can be had: ${consequence}`,
      fields: { upstream: server, source: endpoint.origin, why: messageOf(thrown) },
    });
  }
}
