import type { Limits } from '#lib';
import { TokenExpired, TokenMalformed } from './errors.ts';
import type { JsonObject } from './jws.ts';
import { isType } from './jws.ts';
import { readScopes } from './scopes.ts';

/** What an access token says, as far as it matters here. */
export interface AccessClaims {
  readonly subject: string;
  readonly clientId: string | null;
  readonly principal: string;
  readonly scopes: ReadonlySet<string>;
  readonly audiences: readonly string[];
  /** With the leeway. */
  readonly expiresAtMs: number;
  /** Thumbprint of the key whose holder alone may use it (RFC 9449 §6.1). */
  readonly keyThumbprint: string | null;
  /** Thumbprint of the certificate whose holder alone may use it (RFC 8705 §3.1). */
  readonly certificateThumbprint: string | null;
}

type ClaimLimits = Pick<Limits, 'maxTokenLifetimeMs' | 'tokenLeewayMs'>;

/** OpenID Connect Core §2 gives `sub` so much, and ASCII alone: no two that look the same. */
const NAME = /^[\x21-\x7e]{1,255}$/;
/** Client identifiers may be URLs. */
const CLIENT_ID = /^[\x21-\x7e]{1,1024}$/;
const THUMBPRINT = /^[A-Za-z0-9_-]{43}$/;
const MAX_AUDIENCES = 32;

/** Claims of ID tokens (OpenID Connect Core §2, §3.3.2.11) and of security events (RFC 8417 §2.2). */
const FOREIGN_CLAIMS = ['nonce', 'at_hash', 'c_hash', 's_hash', 'events'] as const;
/** What issuers write into `typ` or `token_use` of the claims, and means no access token. */
const FOREIGN_USES: ReadonlySet<unknown> = new Set(['id', 'refresh', 'logout', 'offline']);

/**
 * Makes sure that it is an access token. RFC 9068 §4 wants `at+jwt`; many issuers write `JWT` or
 * nothing, which they also do for ID tokens, so those must not have what only ID tokens have.
 *
 * @throws TokenMalformed otherwise.
 */
export function checkKind({ typ }: JsonObject, claims: JsonObject): void {
  if (isType(typ, 'at+jwt')) return;
  if (typ !== undefined && !isType(typ, 'jwt')) throw malformed('is of another type');
  const uses = [claims['token_use'], claims['typ']].map((use) =>
    typeof use === 'string' ? use.toLowerCase() : use,
  );
  const isForeign =
    FOREIGN_CLAIMS.some((name) => Object.hasOwn(claims, name)) ||
    uses.some((use) => FOREIGN_USES.has(use));
  if (isForeign) throw malformed('is an ID token or for something else than access');
}

/**
 * What the claims of a verified token say.
 *
 * @throws TokenMalformed, or TokenExpired when it is not valid at this time.
 */
export function readClaims(
  claims: JsonObject,
  principalClaim: string,
  nowMs: number,
  limits: ClaimLimits,
): AccessClaims {
  const { cnf = {}, azp, client_id: clientId = azp, sub } = claims as Record<string, unknown>;
  const { keyThumbprint, certificateThumbprint } = readConfirmation(cnf);
  return {
    subject: shaped(sub, NAME, 'sub'),
    clientId: clientId === undefined ? null : shaped(clientId, CLIENT_ID, 'client'),
    principal: shaped(ownClaim(claims, principalClaim), NAME, 'principal claim'),
    scopes: readScopes(claims),
    audiences: readAudiences(claims['aud']),
    expiresAtMs: readTimes(claims, nowMs, limits),
    keyThumbprint,
    certificateThumbprint,
  };
}

/** The claim is named by configuration: `constructor` must not find what every object has. */
function ownClaim(claims: JsonObject, name: string): unknown {
  return Object.hasOwn(claims, name) ? claims[name] : undefined;
}

function readTimes(claims: JsonObject, nowMs: number, limits: ClaimLimits): number {
  const { tokenLeewayMs: leewayMs, maxTokenLifetimeMs } = limits;
  const expiresMs = timeOf(claims, 'exp');
  const issuedMs = timeOf(claims, 'iat') ?? nowMs;
  const notBeforeMs = timeOf(claims, 'nbf') ?? issuedMs;
  if (expiresMs === undefined) throw malformed('has no exp');
  if (nowMs >= expiresMs + leewayMs) throw new TokenExpired('the access token has expired');
  if (Math.max(issuedMs, notBeforeMs) > nowMs + leewayMs) {
    throw new TokenExpired('the access token is not valid yet');
  }
  if (expiresMs - issuedMs > maxTokenLifetimeMs) {
    throw new TokenExpired('the access token lasts longer than is accepted');
  }
  return expiresMs + leewayMs;
}

/** In milliseconds; RFC 7519 §2 admits fractions, which nobody needs and parsers round. */
function timeOf(claims: JsonObject, name: 'exp' | 'iat' | 'nbf'): number | undefined {
  const value = claims[name];
  if (value === undefined) return undefined;
  const milliseconds = typeof value === 'number' ? value * 1000 : Number.NaN;
  if (!Number.isSafeInteger(value) || !Number.isSafeInteger(milliseconds) || milliseconds < 0) {
    throw malformed(`has an ${name} that is no time`);
  }
  return milliseconds;
}

function readAudiences(aud: unknown): readonly string[] {
  const audiences: unknown[] = Array.isArray(aud) ? aud : [aud];
  const isList = audiences.every((audience) => typeof audience === 'string');
  if (!isList || audiences.length > MAX_AUDIENCES)
    throw malformed('has an aud that is no text and no list of a few');
  return audiences;
}

/**
 * To pass over a confirmation that is not known here would make a bearer token of a bound one.
 *
 * @throws TokenMalformed when it is bound to something that cannot be checked here.
 */
function readConfirmation(
  cnf: unknown,
): Pick<AccessClaims, 'keyThumbprint' | 'certificateThumbprint'> {
  if (typeof cnf !== 'object' || cnf === null || Array.isArray(cnf))
    throw malformed('has a cnf that is no object');
  const { jkt, 'x5t#S256': x5t, ...others } = cnf as Record<string, unknown>;
  if (Object.keys(others).length > 0) throw malformed('is bound in a way that is not known here');
  return {
    keyThumbprint: jkt === undefined ? null : shaped(jkt, THUMBPRINT, 'cnf.jkt'),
    certificateThumbprint: x5t === undefined ? null : shaped(x5t, THUMBPRINT, 'cnf.x5t#S256'),
  };
}

function shaped(value: unknown, shape: RegExp, what: string): string {
  if (typeof value === 'string' && shape.test(value)) return value;
  throw malformed(`has no ${what}, or a malformed one`);
}

function malformed(why: string): Error {
  return new TokenMalformed(`the access token ${why}`);
}
