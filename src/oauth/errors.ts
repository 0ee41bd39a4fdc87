import { defineError } from '#lib';

/*
 * Their messages say which check failed and quote nothing of what came. Clients get less: the code of
 * RFC 6750 and a fixed description, both from challenges.ts.
 */

export const TokenMissing = defineError('POSTERN_TOKEN_MISSING', {
  meaning: 'The listener wants an access token and the request has none.',
  hint: 'Get a token from an authorization server that the resource metadata names, for this resource.',
  httpStatus: 401,
  rpcCode: -32003,
});

export const AuthorizationMalformed = defineError('POSTERN_AUTHORIZATION_MALFORMED', {
  meaning: 'The Authorization header is not a scheme and one token.',
  hint: 'Send `Authorization: Bearer <token>` or `Authorization: DPoP <token>`, once.',
  httpStatus: 400,
  rpcCode: -32600,
});

export const TokenMalformed = defineError('POSTERN_TOKEN_MALFORMED', {
  meaning:
    'The access token is no signed JSON Web Token, or not one for access, within the limits.',
  hint: 'Have the authorization server issue JWT access tokens (RFC 9068); opaque ones cannot be verified here.',
  httpStatus: 401,
  rpcCode: -32003,
});

export const TokenUntrusted = defineError('POSTERN_TOKEN_UNTRUSTED', {
  meaning: 'No key of a trusted issuer verifies the access token.',
  hint: 'Compare `iss`, `alg` and `kid` of the token with the issuer’s settings and its published keys.',
  httpStatus: 401,
  rpcCode: -32003,
});

export const TokenExpired = defineError('POSTERN_TOKEN_EXPIRED', {
  meaning: 'The access token is not valid yet, not any more, or for longer than is accepted.',
  hint: 'Get a new token; check the clocks; compare its lifetime with limits.max_token_lifetime_ms.',
  httpStatus: 401,
  rpcCode: -32003,
});

export const TokenAudienceWrong = defineError('POSTERN_TOKEN_AUDIENCE', {
  meaning: 'The access token is for another resource.',
  hint: 'Ask for a token with the `resource` that the resource metadata names (RFC 8707).',
  httpStatus: 401,
  rpcCode: -32003,
});

export const TokenUnbound = defineError('POSTERN_TOKEN_UNBOUND', {
  meaning: 'The access token is bound to another sender than this one, or not bound as it must be.',
  hint: 'Use the key or client certificate that the token was issued for, and the DPoP scheme for tokens bound to a key.',
  httpStatus: 401,
  rpcCode: -32003,
});

export const ProofInvalid = defineError('POSTERN_PROOF_INVALID', {
  meaning: 'The DPoP proof is missing, malformed, used before, or not for this request and token.',
  hint: 'Make a new proof for each request (RFC 9449 §4.2) and check the client’s clock.',
  httpStatus: 401,
  rpcCode: -32003,
});

export const ScopeInsufficient = defineError('POSTERN_SCOPE_INSUFFICIENT', {
  meaning: 'The access token lacks a scope that the policy asks for.',
  hint: 'Ask for a token with the scopes that the challenge names.',
  httpStatus: 403,
  rpcCode: -32003,
});

export const TokenKeysUnavailable = defineError('POSTERN_TOKEN_KEYS_UNAVAILABLE', {
  meaning: 'The keys of the token’s issuer could not be had for too long.',
  hint: 'Look at the alerts `oauth.keys_unavailable` in the log: they tell what failed.',
  httpStatus: 503,
  rpcCode: -32603,
});

export const ProofsExhausted = defineError('POSTERN_PROOFS_EXHAUSTED', {
  meaning: 'Too many DPoP proofs came within their lifetime to remember all of them.',
  hint: 'Try again in two minutes, or raise limits.max_remembered_proofs.',
  httpStatus: 503,
  rpcCode: -32603,
});

export const KeySetInvalid = defineError('POSTERN_KEY_SET_INVALID', {
  meaning:
    'What should be an issuer’s keys is no JSON Web Key Set, or has no key that can be used.',
  hint: 'Look at what the issuer’s `jwks_uri`, or the configured file, contains.',
});
