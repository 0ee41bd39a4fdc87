import type { PosternError } from '#lib';
import { allTokenAlgorithms } from '#crypto';
import {
  AuthorizationMalformed,
  ProofInvalid,
  ScopeInsufficient,
  TokenAudienceWrong,
  TokenExpired,
  TokenMalformed,
  TokenMissing,
  TokenUnbound,
  TokenUntrusted,
} from './errors.ts';
import { isScope } from './scopes.ts';

/** What a challenge tells clients about the resource. */
export interface ChallengeContext {
  /** Where the metadata of the resource is (RFC 9728 §5.1). */
  readonly resourceMetadata: string;
  /** The scopes that the request would need; empty when there are none, or nobody knows yet. */
  readonly scopes: readonly string[];
  /** Whether tokens are taken that are bound to no key. */
  readonly bearer: boolean;
  /** Whether tokens are taken that are bound to a key. */
  readonly dpop: boolean;
}

/** An error as clients are told of it (RFC 6750 §3.1, RFC 9449 §12.2). */
interface ClientError {
  readonly code: string;
  readonly description: string;
}

const INVALID: ClientError = {
  code: 'invalid_token',
  description: 'The access token is malformed, expired, or not for this resource and sender',
};

/** `null`: nothing was presented, so nothing was wrong with it. */
const ERRORS: ReadonlyMap<string, ClientError | null> = new Map<string, ClientError | null>([
  [TokenMissing.code, null],
  [
    AuthorizationMalformed.code,
    { code: 'invalid_request', description: 'The Authorization header is malformed' },
  ],
  [TokenMalformed.code, INVALID],
  [TokenUntrusted.code, INVALID],
  [TokenExpired.code, INVALID],
  [TokenAudienceWrong.code, INVALID],
  [TokenUnbound.code, INVALID],
  [
    ProofInvalid.code,
    { code: 'invalid_dpop_proof', description: 'The DPoP proof is missing or invalid' },
  ],
  [
    ScopeInsufficient.code,
    { code: 'insufficient_scope', description: 'The access token lacks a scope' },
  ],
]);

const PROOF_ALGORITHMS = allTokenAlgorithms()
  .map(({ name }) => name)
  .join(' ');

/**
 * The value of `WWW-Authenticate` that goes with a refusal, `null` when the refusal is no matter of
 * tokens. `Bearer` comes first, since clients that know nothing else read no further.
 */
export function challengeOf(error: PosternError, context: ChallengeContext): string | null {
  const told = ERRORS.get(error.code);
  if (told === undefined) return null;
  const parameters = [
    ...(told === null ? [] : [quoted('error', told.code)]),
    ...(told === null ? [] : [quoted('error_description', told.description)]),
    ...scopesOf(context),
    quoted('resource_metadata', context.resourceMetadata),
  ].join(', ');
  const challenges = [];
  if (context.bearer) challenges.push(`Bearer ${parameters}`);
  if (context.dpop) challenges.push(`DPoP ${parameters}, ${quoted('algs', PROOF_ALGORITHMS)}`);
  return challenges.join(', ');
}

/** Names of scopes come from a file; one that RFC 6749 does not admit would end the text early. */
function scopesOf({ scopes }: ChallengeContext): readonly string[] {
  const named = scopes.filter(isScope);
  return named.length === 0 ? [] : [quoted('scope', named.join(' '))];
}

/** RFC 9110 §5.6.4; what a header must not have at all is left out. */
function quoted(name: string, value: string): string {
  return `${name}="${value.replace(/[^\x20-\x7e]/g, '').replace(/["\\]/g, '\\$&')}"`;
}
