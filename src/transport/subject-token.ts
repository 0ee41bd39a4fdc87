import { inspect } from 'node:util';

/** What is known of a caller's token, beside the token itself. */
export interface SubjectTokenFacts {
  /** As verified: who has issued it. */
  readonly issuer: string;
  /** When it ends, milliseconds since the epoch. */
  readonly expiresAtMs: number;
}

const SHOWN = '[token of a caller]';

/**
 * The access token with which a caller proved who it is, after verification. Servers never get it: it
 * is for the token endpoint alone that exchanges it for one of theirs (RFC 8693). It shows up in no log
 * and in no JSON, however it gets there.
 */
export class SubjectToken implements SubjectTokenFacts {
  readonly issuer: string;
  readonly expiresAtMs: number;
  readonly #value: string;

  constructor(value: string, { issuer, expiresAtMs }: SubjectTokenFacts) {
    this.#value = value;
    this.issuer = issuer;
    this.expiresAtMs = expiresAtMs;
  }

  /** The token itself, for the request that exchanges it. */
  reveal(): string {
    return this.#value;
  }

  toString(): string {
    return SHOWN;
  }

  toJSON(): string {
    return SHOWN;
  }

  [inspect.custom](): string {
    return SHOWN;
  }
}
