import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { PosternError } from '#lib';
import { ATTACKS } from './attacks.fixture.ts';
import { challengeOf } from './challenges.ts';
import { fixedKeys } from './key-source.ts';
import { keysOf, newWorld, refusalOf, trusted, verifierOf, verifyNow } from './verifier.fixture.ts';

test('R-13: every attack is refused for its own reason; good tokens before and after are taken', () => {
  const world = newWorld();
  const other = trusted(world, {
    name: 'other',
    issuer: world.place.otherIssuer,
    keys: fixedKeys(keysOf(world.otherKeySet())),
  });
  const verifier = verifierOf([trusted(world), other]);
  const good = (): unknown => verifyNow(verifier, { authorization: `Bearer ${world.token()}` });
  good();
  assert.ok(ATTACKS.length >= 150, `${ATTACKS.length} attacks`);
  assert.equal(new Set(ATTACKS.map(({ name }) => name)).size, ATTACKS.length);
  for (const { name, code, httpStatus, challenge, build } of ATTACKS) {
    const requests = build(world);
    for (const request of requests.slice(0, -1)) verifyNow(verifier, request);
    const error = refusalOf(verifier, requests.at(-1) ?? {}, name);
    assert.equal(error.code, code, `${name}: ${error.message}`);
    assert.equal(error.httpStatus, httpStatus, name);
    assert.equal(challengeError(error), challenge, name);
  }
  good();
});

function challengeError(error: PosternError): string | null {
  const context = { resourceMetadata: 'https://a', scopes: [], bearer: true, dpop: true };
  return /error="([^"]*)"/.exec(challengeOf(error, context) ?? '')?.[1] ?? null;
}
