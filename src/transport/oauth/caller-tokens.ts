import { hash } from 'node:crypto';
import type { Limits } from '#lib';
import { CallCancelled, CallerTokenRequired } from '../errors.ts';
import type { SubjectToken } from '../subject-token.ts';
import type { UpstreamRequest } from '../upstream.ts';
import type { AccessToken } from './access-token.ts';
import type { Asking, Authorization } from './authorization.ts';
import { KeptToken } from './kept-token.ts';
import type { Grant, TokenEndpoint } from './token-endpoint.ts';
import { Turns } from './turns.ts';
import { untilGone } from './until-gone.ts';

/** What {@link CallerTokens} needs. */
export interface CallerTokensOptions {
  readonly endpoint: TokenEndpoint;
  /** What the tokens are to be for: `scope`, `resource`, `audience`. */
  readonly wanted: Grant;
  /** Whose tokens are exchanged. */
  readonly issuers: readonly string[];
  readonly limits: Pick<Limits, 'maxExchangedTokens'>;
}

const EXCHANGE = {
  grant_type: 'urn:ietf:params:oauth:grant-type:token-exchange',
  subject_token_type: 'urn:ietf:params:oauth:token-type:access_token',
  requested_token_type: 'urn:ietf:params:oauth:token-type:access_token',
} as const;

/** After a restart all callers come at once, and each request is a handshake. */
const MAX_AT_ONCE = 32;

/** A caller's token, and what was issued for it. */
interface Entry {
  readonly subject: SubjectToken;
  readonly kept: KeptToken;
}

/**
 * A token for each caller, issued in exchange for the caller's own (RFC 8693). What is issued for one
 * token of one principal serves nobody else.
 */
export class CallerTokens implements Authorization {
  readonly #options: CallerTokensOptions;
  /** By principal and token; the one used last is last. */
  readonly #entries = new Map<string, Entry>();
  /** The key of each principal's latest. */
  readonly #latest = new Map<string, string>();
  readonly #turns = new Turns(MAX_AT_ONCE);
  readonly #closing = new AbortController();

  constructor(options: CallerTokensOptions) {
    this.#options = options;
  }

  /**
   * Makes sure that a caller came with a token to exchange. Later exchanges in the principal's name that
   * have none, since the gateway makes them, use it too.
   *
   * @throws CallerTokenRequired
   */
  admit({ principal, subjectToken }: Pick<UpstreamRequest, 'principal' | 'subjectToken'>): void {
    if (subjectToken === null)
      throw new CallerTokenRequired('the caller came without an access token');
    this.#check(subjectToken);
    this.#entryFor(principal, subjectToken);
  }

  tokenFor({ principal, subjectToken, signal }: Asking): AccessToken | Promise<AccessToken> {
    const { subject, kept } = this.#find(principal, subjectToken);
    this.#check(subject);
    const token = kept.current();
    return token instanceof Promise ? untilGone(token, signal) : token;
  }

  replace(
    { principal, subjectToken, signal }: Asking,
    refused: AccessToken,
  ): Promise<AccessToken | null> {
    const { kept } = this.#find(principal, subjectToken);
    return untilGone(kept.replace(refused), signal);
  }

  async probe(): Promise<string> {
    const { origin } = await this.#options.endpoint.locate(this.#closing.signal);
    return `each caller’s token is to be exchanged at ${origin}, which was found`;
  }

  async close(): Promise<void> {
    this.#closing.abort(new CallCancelled('the gateway stops'));
    await Promise.all([...this.#entries.values()].map(({ kept }) => kept.settled()));
    this.#entries.clear();
    this.#latest.clear();
  }

  #check({ issuer, expiresAtMs }: SubjectToken): void {
    if (!this.#options.issuers.includes(issuer)) {
      throw new CallerTokenRequired(
        'the caller’s token is of an issuer whose tokens are not exchanged',
      );
    }
    if (Date.now() >= expiresAtMs) throw new CallerTokenRequired('the caller’s token has expired');
  }

  #find(principal: string, subjectToken: SubjectToken | null): Entry {
    if (subjectToken !== null) return this.#entryFor(principal, subjectToken);
    const latest = this.#entries.get(this.#latest.get(principal) ?? '');
    if (latest !== undefined) return latest;
    throw new CallerTokenRequired('no token of this caller is at hand any more');
  }

  #entryFor(principal: string, subject: SubjectToken): Entry {
    const key = `${hash('sha256', subject.reveal())} ${principal}`;
    const known = this.#entries.get(key);
    this.#entries.delete(key);
    const entry = known ?? { subject, kept: this.#keep(subject) };
    this.#entries.set(key, entry);
    this.#latest.set(principal, key);
    if (this.#entries.size > this.#options.limits.maxExchangedTokens) this.#dropOldest();
    return entry;
  }

  #keep(subject: SubjectToken): KeptToken {
    const { endpoint, wanted } = this.#options;
    const { signal } = this.#closing;
    return new KeptToken({
      ask: async () => {
        const grant = { ...EXCHANGE, ...wanted, subject_token: subject.reveal() };
        const token = await this.#turns.run(() => endpoint.ask(grant, true, signal));
        // What speaks for a caller does not outlive what the caller has shown.
        return { ...token, expiresAtMs: Math.min(token.expiresAtMs, subject.expiresAtMs) };
      },
    });
  }

  #dropOldest(): void {
    const [oldest] = this.#entries.keys();
    if (oldest === undefined) return;
    this.#entries.delete(oldest);
    const principal = oldest.slice(oldest.indexOf(' ') + 1);
    if (this.#latest.get(principal) === oldest) this.#latest.delete(principal);
  }
}
