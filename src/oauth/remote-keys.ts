import { once } from 'node:events';
import type { EventSink, Limits } from '#lib';
import { messageOf } from '#lib';
import { TokenKeysUnavailable } from './errors.ts';
import type { KeySet } from './key-set.ts';
import type { KeySource } from './key-source.ts';
import { readKeySet } from './read-key-set.ts';

/**
 * Gets an issuer's key set, as it is by now.
 *
 * @throws anything when it cannot: another status than 200, a redirect, a wrong media type, too long.
 */
export type FetchKeySet = (signal: AbortSignal) => Promise<Buffer>;

type KeyLimits = Pick<
  Limits,
  'maxKeySetBytes' | 'keySetTimeoutMs' | 'keySetRefreshMs' | 'keySetCooldownMs' | 'keySetStaleMs'
>;

/** Options of {@link RemoteKeys}. */
export interface RemoteKeysOptions {
  /** The issuer's short name, for the log. */
  readonly issuer: string;
  readonly fetch: FetchKeySet;
  readonly clock: () => number;
  readonly limits: KeyLimits;
  readonly events: EventSink;
}

/**
 * The keys that an issuer publishes, asked for when a token needs them: in the background once they
 * are older than the refresh time, before they are used again once they are twice as old. While the
 * issuer cannot be reached its last keys are believed for a limited time.
 */
export class RemoteKeys implements KeySource {
  readonly #options: RemoteKeysOptions;
  #keys: KeySet | null = null;
  #readAtMs = -Infinity;
  #askedAtMs = -Infinity;
  #asking: Promise<void> | null = null;
  #content: Buffer | null = null;
  #trouble: string | null = null;

  constructor(options: RemoteKeysOptions) {
    this.#options = options;
  }

  current(nowMs: number): KeySet | null {
    const { keySetRefreshMs: refreshMs, keySetStaleMs: staleMs } = this.#options.limits;
    const ageMs = nowMs - this.#readAtMs;
    if (ageMs < refreshMs) return this.#keys;
    const asking = this.refresh(nowMs);
    const isBelieved = ageMs < refreshMs + staleMs;
    // In an outage nobody waits for what will hardly come.
    if (ageMs < 2 * refreshMs || (this.#trouble !== null && isBelieved)) return this.#keys;
    if (asking !== null) return null;
    if (isBelieved) return this.#keys;
    throw new TokenKeysUnavailable('the keys of the token’s issuer cannot be had', {
      details: { issuer: this.#options.issuer },
    });
  }

  refresh(nowMs: number): Promise<void> | null {
    if (this.#asking !== null) return this.#asking;
    if (nowMs - this.#askedAtMs < this.#options.limits.keySetCooldownMs) return null;
    this.#askedAtMs = nowMs;
    this.#asking = this.#ask().finally(() => {
      this.#asking = null;
    });
    return this.#asking;
  }

  async #ask(): Promise<void> {
    const { issuer, clock, events } = this.#options;
    try {
      this.#take(await this.#fetchInTime());
      this.#readAtMs = clock();
      if (this.#trouble !== null) {
        const message = `the keys of issuer ${issuer} can be had again`;
        events({ severity: 'info', name: 'oauth.keys_available', message, fields: { issuer } });
      }
      this.#trouble = null;
    } catch (thrown) {
      this.#tell(messageOf(thrown));
    }
  }

  /** Verified tokens are tied to the set that verified them, so the same keys stay the same set. */
  #take(content: Buffer): void {
    if (this.#content?.equals(content) === true) return;
    const { issuer, limits, events } = this.#options;
    const { keys, unused } = readKeySet(content, limits.maxKeySetBytes);
    this.#keys = keys;
    this.#content = content;
    if (unused.length === 0) return;
    const message = `issuer ${issuer} publishes keys that are not used`;
    const fields = { issuer, unused };
    events({ severity: 'warn', name: 'oauth.keys_unused', message, fields });
  }

  /** Does not trust the fetching to end when it is told to. */
  async #fetchInTime(): Promise<Buffer> {
    const { fetch, limits } = this.#options;
    const controller = new AbortController();
    const { signal } = controller;
    const late = once(signal, 'abort').then(() => {
      throw new Error('no answer within the limit');
    });
    const timer = setTimeout(() => {
      controller.abort();
    }, limits.keySetTimeoutMs);
    try {
      return await Promise.race([fetch(signal), late]);
    } finally {
      clearTimeout(timer);
    }
  }

  #tell(error: string): void {
    if (error === this.#trouble) return;
    this.#trouble = error;
    const { issuer, events } = this.#options;
    const message = `the keys of issuer ${issuer} cannot be had`;
    events({
      severity: 'alert',
      name: 'oauth.keys_unavailable',
      message,
      fields: { issuer, error },
    });
  }
}
