import type { AccessToken } from './access-token.ts';

/** What a {@link KeptToken} works with. */
export interface KeptTokenOptions {
  /** Asks for a new one; ends in bounded time. */
  readonly ask: () => Promise<AccessToken>;
  /** Another one is in force. */
  readonly onChange?: () => void;
  /** None could be had. */
  readonly onTrouble?: (thrown: unknown, inForce: boolean) => void;
  /** From 0 on, below 1. Default: by chance. */
  readonly random?: () => number;
}

/** Part of a token's life after which the next is asked for, at the earliest and the latest. */
const REFRESH_AFTER = { least: 0.7, most: 0.85 };
/** A token that ends on its way to the server is of no use; for shorter lives a tenth of them. */
const MARGIN_MS = 10_000;
/** After a failure, doubled with each further one; gateways that started together part ways. */
const RETRY_MS = { first: 1000, most: 60_000 };
/** A server that refuses even new tokens must not have one issued for each call. */
const REFUSAL_PAUSE_MS = 10_000;

/**
 * One access token, asked for when it is needed and, while it is in use, before it ends. Whoever needs
 * it meanwhile waits for the same answer. An old one that is still valid is better than none.
 */
export class KeptToken {
  readonly #options: KeptTokenOptions;
  readonly #random: () => number;
  #token: AccessToken | null = null;
  #refreshAtMs = 0;
  #asking: Promise<AccessToken> | null = null;
  #failure: { readonly reason: unknown; readonly untilMs: number; readonly count: number } | null =
    null;

  constructor(options: KeptTokenOptions) {
    this.#options = options;
    this.#random = options.random ?? Math.random;
  }

  /**
   * The token, at once while one is in force.
   *
   * The promise rejects with what asking throws; for a while after that without asking again.
   */
  current(): AccessToken | Promise<AccessToken> {
    const now = Date.now();
    if (this.#token === null || now >= usableUntil(this.#token)) return this.#ask(now);
    // Ahead of its end, and nobody waits: failures are told, and tried again.
    if (now >= this.#refreshAtMs) this.#ask(now).catch(() => undefined);
    return this.#token;
  }

  /**
   * The server has refused a token.
   *
   * @returns another one, `null` when there is no use in trying another.
   */
  async replace(refused: AccessToken): Promise<AccessToken | null> {
    const now = Date.now();
    if (this.#token === refused) {
      if (now - refused.gotAtMs < REFUSAL_PAUSE_MS) return null;
      this.#token = null;
    }
    try {
      return await this.current();
    } catch {
      return null;
    }
  }

  /** Resolves when nothing is asked for. */
  async settled(): Promise<void> {
    await this.#asking?.catch(() => undefined);
  }

  #ask(now: number): Promise<AccessToken> {
    if (this.#asking !== null) return this.#asking;
    if (this.#failure !== null && now < this.#failure.untilMs) {
      return Promise.reject(this.#failure.reason);
    }
    const asking = this.#options.ask().then(
      (token) => this.#take(token),
      (thrown: unknown) => this.#fail(thrown),
    );
    this.#asking = asking.finally(() => {
      this.#asking = null;
    });
    return this.#asking;
  }

  #take(token: AccessToken): AccessToken {
    const { least, most } = REFRESH_AFTER;
    const share = least + (most - least) * this.#random();
    this.#token = token;
    this.#failure = null;
    this.#refreshAtMs = token.gotAtMs + share * (token.expiresAtMs - token.gotAtMs);
    this.#options.onChange?.();
    return token;
  }

  #fail(thrown: unknown): never {
    const count = (this.#failure?.count ?? 0) + 1;
    const pauseMs = Math.min(RETRY_MS.first * 2 ** (count - 1), RETRY_MS.most);
    const untilMs = Date.now() + pauseMs * (0.5 + this.#random() / 2);
    this.#failure = { reason: thrown, untilMs, count };
    const inForce = this.#token !== null && Date.now() < usableUntil(this.#token);
    this.#options.onTrouble?.(thrown, inForce);
    throw thrown;
  }
}

function usableUntil({ gotAtMs, expiresAtMs }: AccessToken): number {
  return expiresAtMs - Math.min(MARGIN_MS, (expiresAtMs - gotAtMs) / 10);
}
