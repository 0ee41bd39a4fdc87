import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
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

const four = newWorld(['ES256', 'EdDSA', 'RS256', 'ML-DSA-44']);

/** How a text may be changed; positions are parts of its length. */
const mutation = fc.record({
  at: fc.double({ min: 0, max: 1, noNaN: true }),
  removed: fc.integer({ min: 0, max: 3 }),
  added: fc.stringMatching(/^[A-Za-z0-9_.=+/ -]{0,3}$/),
});

function mutated(
  text: string,
  { at, removed, added }: { at: number; removed: number; added: string },
): string {
  const index = Math.floor(at * text.length);
  return text.slice(0, index) + added + text.slice(index + removed);
}

test('R-13: no mutation of a good token is verified', () => {
  const verifier = verifierOf([trusted(four)]);
  const tokens = [...four.signers.values()].map((signer) => four.token({}, {}, signer));
  for (const token of tokens) verifyNow(verifier, { authorization: `Bearer ${token}` });
  fc.assert(
    fc.property(fc.constantFrom(...tokens), mutation, (token, change) => {
      const changed = mutated(token, change);
      // Spaces at the end of a header never reach a server.
      fc.pre(changed.trim() !== token);
      const { httpStatus } = refusalOf(verifier, { authorization: `Bearer ${changed}` });
      assert.ok(httpStatus === 401 || httpStatus === 400);
    }),
    { numRuns: 1000 },
  );
});

test('R-13: no mutation of a good proof is verified', () => {
  const verifier = verifierOf([trusted(four)]);
  const token = four.boundToken();
  const authorization = `DPoP ${token}`;
  const proof = four.proof(token);
  fc.assert(
    fc.property(mutation, (change) => {
      const dpop = mutated(proof, change);
      fc.pre(dpop !== proof);
      assert.equal(refusalOf(verifier, { authorization, dpop }).code, 'POSTERN_PROOF_INVALID');
    }),
    { numRuns: 500 },
  );
  verifyNow(verifier, { authorization, dpop: proof });
});

test('R-13: whatever comes in the headers, the refusal is one that is meant', () => {
  const verifier = verifierOf([trusted(four)]);
  const text = fc.string({ maxLength: 60, unit: 'binary' });
  fc.assert(
    fc.property(fc.constantFrom('Bearer ', 'DPoP ', ''), text, text, (scheme, rest, dpop) => {
      const { code } = refusalOf(verifier, { authorization: scheme + rest, dpop });
      assert.match(code, /^POSTERN_(TOKEN|AUTHORIZATION)_M/);
    }),
    { numRuns: 200 },
  );
});
