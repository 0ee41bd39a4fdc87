export { fixedKeys } from './key-source.ts';
export type { KeySource } from './key-source.ts';
export { KeySet } from './key-set.ts';
export type { Presented, TrustedIssuer, VerifiedToken } from './model.ts';
export { ScopeInsufficient, TokenExpired, TokenMissing } from './errors.ts';
