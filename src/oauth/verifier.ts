import { hash } from 'node:crypto';
import type { Limits } from '#lib';
import type { Credential } from './authorization-header.ts';
import { readAuthorization } from './authorization-header.ts';
import { checkBinding } from './binding.ts';
import { checkKind, readClaims } from './claims.ts';
import {
  ProofInvalid,
  TokenAudienceWrong,
  TokenKeysUnavailable,
  TokenUntrusted,
} from './errors.ts';
import type { IssuerKey, KeySet } from './key-set.ts';
import { isSignedBy } from './jws.ts';
import type { Presented, TrustedIssuer, VerifiedToken } from './model.ts';
import type { ReplayGuard } from './replay.ts';
import type { UnverifiedToken } from './unverified-token.ts';
import { readToken } from './unverified-token.ts';
import type { KnownToken } from './verified-tokens.ts';
import { VerifiedTokens } from './verified-tokens.ts';

/** Options of {@link TokenVerifier}. */
export interface TokenVerifierOptions {
  /** No two with the same `issuer` or name. */
  readonly issuers: readonly TrustedIssuer[];
  /** One for the whole process: it has to outlive a change of issuers. */
  readonly replay: ReplayGuard;
  readonly clock: () => number;
  readonly limits: Pick<
    Limits,
    'maxTokenBytes' | 'maxTokenLifetimeMs' | 'tokenLeewayMs' | 'maxVerifiedTokens'
  >;
}

interface FoundKey {
  readonly key: IssuerKey;
  readonly keys: KeySet;
}

/** Characters of a token's hash that tell it from others in logs and records. */
const ID_LENGTH = 16;

/**
 * Verifies the access tokens that clients present (OAuth 2.1 §5.2, RFC 9068 §4). What it verified it
 * remembers, so that the next request with the same token costs one hash. For other issuers, or other
 * settings of them, make another one.
 */
export class TokenVerifier {
  readonly #options: TokenVerifierOptions;
  readonly #issuers: ReadonlyMap<string, TrustedIssuer>;
  readonly #known: VerifiedTokens;
  readonly #shown = new WeakMap<VerifiedToken, KnownToken>();

  constructor(options: TokenVerifierOptions) {
    this.#options = options;
    this.#issuers = new Map(options.issuers.map((trusted) => [trusted.issuer, trusted]));
    if (this.#issuers.size < options.issuers.length) throw new Error('an issuer is trusted twice');
    this.#known = new VerifiedTokens(options.limits.maxVerifiedTokens);
  }

  /**
   * The token that came with a request, verified for it. A promise only when somebody has to be
   * asked: the issuer for its keys, or whoever remembers the proofs that were used.
   *
   * @throws TokenMissing, AuthorizationMalformed, TokenMalformed, TokenUntrusted, TokenExpired,
   *   TokenAudienceWrong, TokenUnbound, ProofInvalid, ProofsExhausted or TokenKeysUnavailable; at once,
   *   or by rejecting.
   */
  verify(presented: Presented): VerifiedToken | Promise<VerifiedToken> {
    const { clock, limits } = this.#options;
    const credential = readAuthorization(presented.authorization, limits.maxTokenBytes);
    const tokenHash = hash('sha256', credential.token, 'base64url');
    const nowMs = clock();
    const known = this.#known.find(tokenHash, nowMs);
    if (known !== undefined) return this.#admit(known, tokenHash, credential, presented);

    const token = readToken(credential.token, this.#issuers);
    const admit = (found: FoundKey): VerifiedToken | Promise<VerifiedToken> =>
      this.#admit(this.#learn(token, tokenHash, found), tokenHash, credential, presented);
    const found = findKey(token, nowMs);
    if (found !== null) return admit(found);
    const asking = token.issuer.keys.refresh(nowMs);
    if (asking === null) throw this.#noKey(token, nowMs);
    return asking.then(() => {
      const foundNow = findKey(token, clock());
      if (foundNow === null) throw this.#noKey(token, clock());
      return admit(foundNow);
    });
  }

  /** Whether a token that it has verified is still believed, for what has been open since then. */
  believes(token: VerifiedToken): boolean {
    const known = this.#shown.get(token);
    const nowMs = this.#options.clock();
    if (known === undefined || nowMs >= known.claims.expiresAtMs) return false;
    try {
      // Keys that are being asked for decide the next time.
      return known.issuer.keys.current(nowMs)?.has(known.signedBy) !== false;
    } catch {
      return false;
    }
  }

  #noKey({ issuer }: UnverifiedToken, nowMs: number): Error {
    if (issuer.keys.current(nowMs) !== null) {
      return new TokenUntrusted('the access token is signed by no key of its issuer that is known');
    }
    const details = { issuer: issuer.name };
    return new TokenKeysUnavailable('the keys of the token’s issuer cannot be had', { details });
  }

  /** @throws TokenUntrusted, TokenMalformed or TokenExpired */
  #learn(token: UnverifiedToken, tokenHash: string, { key, keys }: FoundKey): KnownToken {
    const { issuer, algorithm, header, payload } = token;
    if (!isSignedBy(token.written, algorithm, key.key)) {
      throw new TokenUntrusted('the access token has a wrong signature');
    }
    checkKind(header, payload);
    const { clock, limits } = this.#options;
    const claims = readClaims(payload, issuer.principalClaim, clock(), limits);
    const { keyThumbprint, certificateThumbprint } = claims;
    const unbound = certificateThumbprint === null ? 'none' : 'certificate';
    const verified: VerifiedToken = Object.freeze({
      issuer: issuer.name,
      subject: claims.subject,
      clientId: claims.clientId,
      principal: claims.principal,
      scopes: claims.scopes,
      expiresAtMs: claims.expiresAtMs,
      binding: keyThumbprint === null ? unbound : 'dpop',
      algorithm: algorithm.name,
      quantumSafe: algorithm.quantumSafe,
      claims: payload,
      id: tokenHash.slice(0, ID_LENGTH),
    });
    const known: KnownToken = {
      issuer,
      claims,
      signedBy: key.thumbprint,
      keys,
      proofHeader: null,
      verified,
      weakened: verified.quantumSafe
        ? Object.freeze({ ...verified, quantumSafe: false })
        : verified,
    };
    this.#known.keep(tokenHash, known);
    for (const shown of [known.verified, known.weakened]) this.#shown.set(shown, known);
    return known;
  }

  /** What depends on the request and is asked each time. */
  #admit(
    known: KnownToken,
    tokenHash: string,
    { scheme }: Credential,
    presented: Presented,
  ): VerifiedToken | Promise<VerifiedToken> {
    const { audiences } = known.claims;
    const { resource, site = resource } = presented;
    const expected = known.issuer.audiences ?? [resource, site];
    if (!expected.some((name) => audiences.includes(name))) {
      throw new TokenAudienceWrong('the access token is for another resource');
    }
    const { replay, clock, limits } = this.#options;
    const now = { nowMs: clock(), leewayMs: limits.tokenLeewayMs };
    const proof = checkBinding(known, scheme, presented, { tokenHash, ...now });
    if (proof === null) return known.verified;
    const admit = (isFirstUse: boolean): VerifiedToken => {
      if (!isFirstUse) throw new ProofInvalid('the DPoP proof was used before');
      known.proofHeader = proof.header;
      return proof.header.algorithm.quantumSafe ? known.verified : known.weakened;
    };
    const isFirstUse = replay.firstUse(proof.id, now.nowMs);
    return typeof isFirstUse === 'boolean' ? admit(isFirstUse) : isFirstUse.then(admit);
  }
}

/** @throws TokenKeysUnavailable */
function findKey({ issuer, kid, algorithm }: UnverifiedToken, nowMs: number): FoundKey | null {
  const keys = issuer.keys.current(nowMs);
  const key = keys?.find(kid, algorithm);
  return keys === null || key === undefined ? null : { key, keys };
}
