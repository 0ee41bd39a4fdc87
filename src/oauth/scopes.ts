import { TokenMalformed } from './errors.ts';
import type { JsonObject } from './jws.ts';

const MAX_SCOPES = 128;
/** RFC 6749 §3.3 `scope-token`. */
const SCOPE = /^[\x21\x23-\x5b\x5d-\x7e]{1,128}$/;

/**
 * The scopes of a token: `scope` (RFC 9068 §2.2.3), else `scp`, which some issuers write instead; a text
 * with spaces or a list.
 *
 * @throws TokenMalformed when they are something else, or too many.
 */
export function readScopes({ scope, scp }: JsonObject): ReadonlySet<string> {
  const written = scope ?? scp ?? '';
  const scopes: unknown = typeof written === 'string' ? written.split(' ') : written;
  if (!Array.isArray(scopes)) throw malformed();
  const named = scopes.filter((name) => name !== '');
  if (named.length > MAX_SCOPES || !named.every(isScope)) throw malformed();
  return new Set(named);
}

/** Whether this may be the name of a scope. */
export function isScope(name: unknown): name is string {
  return typeof name === 'string' && SCOPE.test(name);
}

function malformed(): Error {
  return new TokenMalformed('the access token has malformed scopes');
}
