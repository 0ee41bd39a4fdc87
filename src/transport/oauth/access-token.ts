import type { JsonObject } from '#mcp';
import { UpstreamTokenUnavailable } from '../errors.ts';

/** An access token for one server, as the gateway got it. */
export interface AccessToken {
  /** Legal in a header. A secret. */
  readonly value: string;
  /** Milliseconds since the epoch. */
  readonly gotAtMs: number;
  /** From then on it is not used any more. */
  readonly expiresAtMs: number;
}

/** RFC 6750, section 2.1; what else is sent would not be one token to every server. */
const BEARER_TOKEN = /^[A-Za-z0-9\-._~+/]+=*$/;
const MAX_TOKEN_CHARS = 16 * 1024;

/** For an answer that says nothing of it (RFC 6749, section 5.1). */
const USUAL_LIFE_S = 300;
/** Whatever is said: a token that is withdrawn is to be noticed some time. */
const MAX_LIFE_S = 24 * 3600;

const EXCHANGED: ReadonlySet<unknown> = new Set([
  'urn:ietf:params:oauth:token-type:access_token',
  'urn:ietf:params:oauth:token-type:jwt',
]);

/**
 * The token in a successful answer of a token endpoint (RFC 6749, section 5.1; RFC 8693, section 2.2.1).
 *
 * @param isExchanged it was got for another token.
 * @param nowMs before it was asked for.
 * @throws UpstreamTokenUnavailable, which quotes nothing of the answer.
 */
export function readAccessToken(
  answer: JsonObject,
  isExchanged: boolean,
  nowMs: number,
): AccessToken {
  const { access_token: value, token_type: type, expires_in: life = USUAL_LIFE_S } = answer;
  if (typeof value !== 'string' || !BEARER_TOKEN.test(value) || value.length > MAX_TOKEN_CHARS) {
    throw invalid('its access token is none that a header may carry');
  }
  if (typeof type !== 'string' || type.toLowerCase() !== 'bearer') {
    throw invalid('its token is not of the type Bearer');
  }
  if (isExchanged && !EXCHANGED.has(answer['issued_token_type'])) {
    throw invalid('what it issued in exchange is not declared as an access token');
  }
  // Some servers write the number as a text.
  const seconds = typeof life === 'string' && /^\d{1,10}$/.test(life) ? Number(life) : life;
  if (typeof seconds !== 'number' || !(seconds > 0)) throw invalid('its token is not valid at all');
  return { value, gotAtMs: nowMs, expiresAtMs: nowMs + Math.min(seconds, MAX_LIFE_S) * 1000 };
}

function invalid(what: string): Error {
  return new UpstreamTokenUnavailable(`the answer of the token endpoint is not usable: ${what}`);
}
