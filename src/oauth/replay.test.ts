import assert from 'node:assert/strict';
import { test } from 'node:test';
import { newWorld, NOW, refusalOf, trusted, verifierOf, verifyNow } from './verifier.fixture.ts';
import { RecentProofs } from './replay.ts';

test('R-13: a proof is remembered for as long as it could be used again', () => {
  const proofs = new RecentProofs({ rememberMs: 1000, maxProofs: 10 });
  assert.ok(proofs.firstUse('a', NOW));
  assert.ok(proofs.firstUse('b', NOW + 999));
  assert.ok(!proofs.firstUse('a', NOW + 1000));
  assert.ok(proofs.firstUse('c', NOW + 1001));
  for (const id of ['b', 'c']) assert.ok(!proofs.firstUse(id, NOW + 1999));
  assert.ok(!proofs.firstUse('c', NOW + 2001));
  assert.ok(proofs.firstUse('a', NOW + 2002));
  assert.ok(proofs.firstUse('a', NOW + 100_000));
});

test('R-13: when no more proofs can be remembered none is taken, until time has passed', () => {
  const proofs = new RecentProofs({ rememberMs: 1000, maxProofs: 2 });
  proofs.firstUse('a', NOW);
  proofs.firstUse('b', NOW);
  assert.ok(!proofs.firstUse('a', NOW));
  assert.throws(() => proofs.firstUse('c', NOW), {
    code: 'POSTERN_PROOFS_EXHAUSTED',
    httpStatus: 503,
  });
  assert.ok(proofs.firstUse('c', NOW + 2000));
});

test('R-13: strangers cannot fill what is remembered', () => {
  const world = newWorld(['ES256']);
  const replay = new RecentProofs({ rememberMs: 1000, maxProofs: 1 });
  const verifier = verifierOf([trusted(world)], { replay });
  const token = world.boundToken();
  const authorization = `DPoP ${token}`;
  const bad = [
    { authorization: `DPoP ${token}x`, dpop: world.proof(token) },
    { authorization, dpop: `${world.proof(token).slice(0, -8)}AAAAAAAA` },
    { authorization, dpop: world.proof(token, { htu: 'https://x.example' }) },
    { authorization, dpop: world.proof(token), resource: 'https://x.example' },
  ];
  for (const request of bad) assert.equal(refusalOf(verifier, request).httpStatus, 401);
  verifyNow(verifier, { authorization, dpop: world.proof(token) });
  const another = { authorization, dpop: world.proof(token) };
  assert.equal(refusalOf(verifier, another).code, 'POSTERN_PROOFS_EXHAUSTED');
});
