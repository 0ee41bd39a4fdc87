import assert from 'node:assert/strict';
import { test } from 'node:test';
import { extractWWWAuthenticateParams } from '@modelcontextprotocol/sdk/client/auth.js';
import { challengeOf } from './challenges.ts';
import { ScopeInsufficient, TokenExpired, TokenKeysUnavailable, TokenMissing } from './errors.ts';
import { metadataPathOf, metadataUrlOf, resourceMetadata } from './metadata.ts';

const resourceMetadataUrl = 'https://mcp.example/.well-known/oauth-protected-resource/mcp';
const context = {
  resourceMetadata: resourceMetadataUrl,
  scopes: [],
  bearer: true,
  dpop: false,
};

test('R-13: a challenge names the metadata, and an error only when something was presented', () => {
  assert.equal(
    challengeOf(new TokenMissing('x'), context),
    `Bearer resource_metadata="${resourceMetadataUrl}"`,
  );
  const expired = challengeOf(new TokenExpired('x'), { ...context, bearer: false, dpop: true });
  assert.match(expired ?? '', /^DPoP error="invalid_token", .*algs="ML-DSA-44 [^"]*RS512"$/);
  assert.equal(challengeOf(new TokenKeysUnavailable('x'), context), null);
});

test('R-13: the official client understands a challenge of both schemes', () => {
  const scopes = ['mcp:read', 'bad"scope', 'mcp:write', 'two words', 'ümlaut', '\r\nSet-Cookie:x'];
  const challenge =
    challengeOf(new ScopeInsufficient('x'), { ...context, scopes, dpop: true }) ?? '';
  assert.match(challenge, /^[\x20-\x7e]+$/);
  const headers = { 'www-authenticate': challenge };
  const {
    resourceMetadataUrl: url,
    scope,
    error,
  } = extractWWWAuthenticateParams(new Response(null, { status: 403, headers }));
  assert.equal(url?.href, resourceMetadataUrl);
  assert.equal(scope, 'mcp:read mcp:write');
  assert.equal(error, 'insufficient_scope');
});

test('R-13: what stands in quotes cannot end them', () => {
  const odd = challengeOf(new TokenMissing('x'), {
    ...context,
    resourceMetadata: 'a"\\\r\n\u00e9b',
  });
  assert.equal(odd, 'Bearer resource_metadata="a\\"\\\\b"');
});

test('R-13: metadata of a resource stand at the path that RFC 9728 §3.1 makes of its identifier', () => {
  const base = 'https://mcp.example/.well-known/oauth-protected-resource';
  assert.equal(metadataUrlOf('https://mcp.example'), base);
  assert.equal(metadataUrlOf('https://mcp.example/'), base);
  assert.equal(metadataUrlOf('https://mcp.example/servers/x/mcp'), `${base}/servers/x/mcp`);
  assert.equal(metadataPathOf('/'), '/.well-known/oauth-protected-resource');
  const resource = {
    resource: 'https://mcp.example/mcp',
    issuers: ['https://login.example'],
    scopes: [],
    dpop: 'none',
    certificateBound: false,
  } as const;
  assert.deepEqual(JSON.parse(resourceMetadata(resource)), {
    resource: 'https://mcp.example/mcp',
    authorization_servers: ['https://login.example'],
    bearer_methods_supported: ['header'],
    tls_client_certificate_bound_access_tokens: false,
  });
  const bound = resourceMetadata({ ...resource, scopes: ['a'], dpop: 'required' });
  const { dpop_signing_alg_values_supported: algorithms, ...rest } = JSON.parse(bound) as {
    dpop_signing_alg_values_supported: string[];
  };
  assert.ok(algorithms.includes('ML-DSA-65') && !algorithms.includes('none'));
  assert.equal((rest as Record<string, unknown>)['dpop_bound_access_tokens_required'], true);
});
