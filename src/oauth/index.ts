export { challengeOf } from './challenges.ts';
export type { ChallengeContext } from './challenges.ts';
export {
  AuthorizationMalformed,
  KeySetInvalid,
  ProofInvalid,
  ProofsExhausted,
  ScopeInsufficient,
  TokenAudienceWrong,
  TokenExpired,
  TokenKeysUnavailable,
  TokenMalformed,
  TokenMissing,
  TokenUnbound,
  TokenUntrusted,
} from './errors.ts';
export { fixedKeys } from './key-source.ts';
export type { KeySource } from './key-source.ts';
export type { KeySet } from './key-set.ts';
export { metadataPathOf, metadataUrlOf, resourceMetadata } from './metadata.ts';
export type { ProtectedResource } from './metadata.ts';
export type { Presented, TrustedIssuer, VerifiedToken } from './model.ts';
export { readKeySet } from './read-key-set.ts';
export type { ReadKeySet } from './read-key-set.ts';
export { RemoteKeys } from './remote-keys.ts';
export type { FetchKeySet, RemoteKeysOptions } from './remote-keys.ts';
export { RecentProofs } from './replay.ts';
export type { ReplayGuard } from './replay.ts';
export { isScope } from './scopes.ts';
export { TokenVerifier } from './verifier.ts';
export type { TokenVerifierOptions } from './verifier.ts';
