import assert from 'node:assert/strict';
import { test } from 'node:test';
import { DEFAULT_LIMITS, PosternError } from '#lib';
import { allTokenAlgorithms } from '#crypto';
import { ATTACKS, World } from './attacks.fixture.ts';
import { challengeOf } from './challenges.ts';
import { fixedKeys } from './key-source.ts';
import type { Presented, TrustedIssuer, VerifiedToken } from './model.ts';
import { readKeySet } from './read-key-set.ts';
import { RecentProofs } from './replay.ts';
import { TokenVerifier } from './verifier.ts';

const RESOURCE = 'https://mcp.example/servers/files/mcp';
const NOW = Date.UTC(2026, 10, 23);

const world = new World({
  issuer: 'https://login.example/tenant',
  otherIssuer: 'https://other.example',
  resource: RESOURCE,
  url: RESOURCE,
  httpMethod: 'POST',
  nowSeconds: () => NOW / 1000,
});

function trusted(changes: Partial<TrustedIssuer> = {}, keySet = world.keySet()): TrustedIssuer {
  return {
    name: 'corp',
    issuer: world.place.issuer,
    audiences: null,
    algorithms: allTokenAlgorithms().filter(({ name }) => name !== 'ES512'),
    keys: fixedKeys(readKeySet(Buffer.from(keySet), DEFAULT_LIMITS.maxKeySetBytes).keys),
    principalClaim: 'sub',
    binding: 'none',
    ...changes,
  };
}

function verifierOf(...issuers: readonly TrustedIssuer[]): TokenVerifier {
  return new TokenVerifier({
    issuers,
    replay: new RecentProofs({ rememberMs: 120_000, maxProofs: 1000 }),
    clock: () => NOW,
    limits: DEFAULT_LIMITS,
  });
}

const other = trusted({ name: 'other', issuer: world.place.otherIssuer }, world.otherKeySet());

function presented(changes: Partial<Presented>): Presented {
  return {
    authorization: undefined,
    dpop: undefined,
    httpMethod: 'POST',
    url: RESOURCE,
    resource: RESOURCE,
    certificateThumbprint: null,
    ...changes,
  };
}

function verify(verifier: TokenVerifier, changes: Partial<Presented>): VerifiedToken {
  const verified = verifier.verify(presented(changes));
  assert.ok(!(verified instanceof Promise), 'nothing had to be fetched');
  return verified;
}

test('R-13: every attack is refused for its own reason, and good tokens before and after are taken', () => {
  const verifier = verifierOf(trusted(), other);
  const good = (): VerifiedToken => verify(verifier, { authorization: `Bearer ${world.token()}` });
  good();
  assert.ok(ATTACKS.length >= 60, `${ATTACKS.length} attacks`);
  assert.equal(new Set(ATTACKS.map(({ name }) => name)).size, ATTACKS.length);
  for (const { name, code, httpStatus, challenge, build } of ATTACKS) {
    const requests = build(world);
    for (const request of requests.slice(0, -1)) verify(verifier, request);
    const error = refusalOf(verifier, requests.at(-1) ?? {}, name);
    assert.equal(error.code, code, `${name}: ${error.message}`);
    assert.equal(error.httpStatus, httpStatus, name);
    assert.equal(challengeError(error), challenge, name);
  }
  good();
});

function refusalOf(
  verifier: TokenVerifier,
  changes: Partial<Presented>,
  name: string,
): PosternError {
  try {
    verify(verifier, changes);
  } catch (error) {
    assert.ok(error instanceof PosternError, `${name}: ${String(error)}`);
    return error;
  }
  assert.fail(`${name} passed`);
}

function challengeError(error: PosternError): string | null {
  const context = { resourceMetadata: 'https://a', scopes: [], bearer: true, dpop: true };
  return /error="([^"]*)"/.exec(challengeOf(error, context) ?? '')?.[1] ?? null;
}
