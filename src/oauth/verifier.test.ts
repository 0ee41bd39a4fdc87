import assert from 'node:assert/strict';
import { hash } from 'node:crypto';
import { test } from 'node:test';
import { calculateJwkThumbprint, SignJWT } from 'jose';
import { allTokenAlgorithms } from '#crypto';
import { KEY_ALGORITHMS, keySetOf, newSigner, publicJwk } from './attacks.fixture.ts';
import { fixedKeys } from './key-source.ts';
import type { KeySource } from './key-source.ts';
import { readPublicKey } from './jwk.ts';
import {
  keysOf,
  newWorld,
  NOW,
  refusalOf,
  RESOURCE,
  trusted,
  verifierOf,
  verifyNow,
} from './verifier.fixture.ts';

const world = newWorld();
const small = newWorld(['ES256']);
const bearer = (token: string): { authorization: string } => ({ authorization: `Bearer ${token}` });

test('R-13: tokens and proofs that another implementation signed are taken, in every algorithm', async () => {
  const algorithms = allTokenAlgorithms();
  for (const { name, keyType, quantumSafe } of algorithms) {
    const own = KEY_ALGORITHMS.includes(name) ? name : keyType === 'RSA' ? 'RS256' : 'EdDSA';
    const signer = newSigner(own, 'k');
    const issuer = { ...trusted(world, { algorithms }), keys: keysFor(signer, name) };
    const jwk = { ...publicJwk(signer) };
    const { thumbprint } = readPublicKey(jwk);
    assert.equal(thumbprint, await calculateJwkThumbprint(jwk), name);
    const sign = (claims: object, header: object): Promise<string> =>
      new SignJWT({ ...claims })
        .setProtectedHeader({ alg: name, ...header })
        .sign(signer.privateKey);
    const token = await sign(world.claims({ cnf: { jkt: thumbprint } }), {
      kid: 'k',
      typ: 'application/at+jwt',
    });
    const ath = hash('sha256', token, 'base64url');
    const proof = await sign(
      { htm: 'POST', htu: RESOURCE, iat: NOW / 1000, jti: name, ath },
      { typ: 'dpop+jwt', jwk },
    );
    const verified = verifyNow(verifierOf([issuer]), {
      authorization: `DPoP ${token}`,
      dpop: proof,
    });
    assert.equal(verified.algorithm, name);
    assert.equal(verified.quantumSafe, quantumSafe, name);
    assert.equal(verified.binding, 'dpop');
  }
});

function keysFor(signer: ReturnType<typeof newSigner>, alg: string): KeySource {
  return fixedKeys(keysOf(keySetOf([{ ...signer, alg }])));
}

test('R-13: a verified token says who, for what and until when, and gives itself away nowhere', () => {
  const verifier = verifierOf([trusted(small)]);
  const token = small.token({ scope: undefined, scp: ['a', 'b', 'a'], azp: 'x', team: { id: 7 } });
  const verified = verifyNow(verifier, bearer(token));
  const { claims, id, scopes, ...rest } = verified;
  assert.deepEqual(rest, {
    issuer: 'corp',
    subject: 'alice',
    clientId: 'agent',
    principal: 'alice',
    expiresAtMs: NOW + 360_000,
    binding: 'none',
    algorithm: 'ES256',
    quantumSafe: false,
  });
  assert.deepEqual([...scopes], ['a', 'b']);
  assert.match(id, /^[\w-]{16}$/);
  assert.ok(!token.includes(id));
  assert.ok(
    Object.isFrozen(verified) && Object.isFrozen(claims) && Object.isFrozen(claims['team']),
  );
  assert.equal(verifyNow(verifier, { authorization: `bEARER  ${token}` }), verified, 'remembered');
});

test('R-13: the principal is another claim where the issuer has it so, and nobody without it', () => {
  const verifier = verifierOf([trusted(small, { principalClaim: 'email' })]);
  const { principal } = verifyNow(verifier, bearer(small.token({ email: 'a@b.example' })));
  assert.equal(principal, 'a@b.example');
  const inherited = verifierOf([trusted(small, { principalClaim: 'constructor' })]);
  for (const refused of [verifier, inherited]) {
    assert.equal(refusalOf(refused, bearer(small.token())).code, 'POSTERN_TOKEN_MALFORMED');
  }
});

test('R-13: audiences that are configured stand for the resource, remembered tokens included', () => {
  const resource = 'https://mcp.example/servers/other/mcp';
  const verifier = verifierOf([trusted(small)]);
  const token = bearer(small.token({ aud: ['https://x.example', RESOURCE] }));
  verifyNow(verifier, token);
  assert.equal(refusalOf(verifier, { ...token, resource }).code, 'POSTERN_TOKEN_AUDIENCE');
  const named = verifierOf([trusted(small, { audiences: ['api', RESOURCE] })]);
  verifyNow(named, { ...token, resource });
  assert.equal(refusalOf(verifierOf([trusted(small, { audiences: [] })]), token).httpStatus, 401);
});

test('R-13: a token ends at its expiry and leeway, remembered or not', () => {
  let nowMs = NOW;
  const verifier = verifierOf([trusted(small)], { clock: () => nowMs });
  const token = bearer(small.token());
  nowMs = verifyNow(verifier, token).expiresAtMs - 1;
  verifyNow(verifier, token);
  nowMs += 1;
  assert.equal(refusalOf(verifier, token).code, 'POSTERN_TOKEN_EXPIRED');
});

test('R-13: a token whose key vanished is refused, one whose key stayed is not verified again', () => {
  let keys = keysOf(small.keySet());
  const source: KeySource = { current: () => keys, refresh: () => null };
  const verifier = verifierOf([trusted(small, { keys: source })]);
  const first = bearer(small.token());
  const second = bearer(small.token({}, {}, small.secondSigner));
  verifyNow(verifier, first);
  const verified = verifyNow(verifier, second);
  keys = keysOf(keySetOf([small.secondSigner]));
  assert.equal(refusalOf(verifier, first).code, 'POSTERN_TOKEN_UNTRUSTED');
  assert.equal(verifyNow(verifier, second), verified);
});

test('R-13: of very many tokens the ones used last are remembered', () => {
  const verifier = verifierOf([trusted(small)], { maxVerifiedTokens: 2 });
  const [a, b, c] = [1, 2, 3].map(() => bearer(small.token())) as [object, object, object];
  const [ofA, ofB] = [verifyNow(verifier, a), verifyNow(verifier, b)];
  assert.equal(verifyNow(verifier, a), ofA);
  verifyNow(verifier, c);
  assert.equal(verifyNow(verifier, a), ofA);
  assert.notEqual(verifyNow(verifier, b), ofB);
});

test('R-13: tokens must be bound as their issuer’s have to be, to this certificate if to one', () => {
  const certificateThumbprint = 'B'.repeat(43);
  const plain = small.token();
  const certified = small.token({ cnf: { 'x5t#S256': certificateThumbprint } });
  const bound = small.boundToken();
  const both = small.boundToken({
    cnf: {
      jkt: readPublicKey(publicJwk(small.client)).thumbprint,
      'x5t#S256': certificateThumbprint,
    },
  });
  const table = {
    none: [true, true, true, true],
    any: [false, true, true, true],
    certificate: [false, true, false, true],
    dpop: [false, false, true, true],
  };
  for (const [binding, expected] of Object.entries(table) as ['any', boolean[]][]) {
    const verifier = verifierOf([trusted(small, { binding })]);
    const takes = (authorization: string, dpop?: string): boolean => {
      try {
        verifyNow(verifier, { authorization, dpop, certificateThumbprint });
        return true;
      } catch {
        return false;
      }
    };
    const taken = [
      takes(`Bearer ${plain}`),
      takes(`Bearer ${certified}`),
      takes(`DPoP ${bound}`, small.proof(bound)),
      takes(`DPoP ${both}`, small.proof(both)),
    ];
    assert.deepEqual(taken, expected, binding);
  }
  const verifier = verifierOf([trusted(small)]);
  assert.equal(
    verifyNow(verifier, { ...bearer(certified), certificateThumbprint }).binding,
    'certificate',
  );
  const others = ['C'.repeat(43), certificateThumbprint.slice(1), '', null];
  for (const thumbprint of others) {
    const changes = { ...bearer(certified), certificateThumbprint: thumbprint };
    assert.equal(refusalOf(verifier, changes).code, 'POSTERN_TOKEN_UNBOUND');
    const twice = { authorization: `DPoP ${both}`, dpop: small.proof(both) };
    assert.equal(
      refusalOf(verifier, { ...twice, certificateThumbprint: thumbprint }).code,
      'POSTERN_TOKEN_UNBOUND',
    );
  }
});

test('R-13: a quantum-safe token with a proof that is not is not quantum-safe', () => {
  const verifier = verifierOf([trusted(world)]);
  const bound = world.token(
    { cnf: { jkt: readPublicKey(publicJwk(world.client)).thumbprint } },
    {},
    world.signer('ML-DSA-65'),
  );
  const request = { authorization: `DPoP ${bound}`, dpop: world.proof(bound) };
  assert.equal(verifyNow(verifier, request).quantumSafe, false);
  const alone = world.token({}, {}, world.signer('ML-DSA-65'));
  assert.equal(verifyNow(verifier, bearer(alone)).quantumSafe, true);
});

test('R-13: issuers that omit the type of access tokens are understood', () => {
  const verifier = verifierOf([trusted(small)]);
  for (const header of [{ typ: undefined }, { typ: 'JWT' }, { typ: 'AT+JWT' }]) {
    verifyNow(verifier, bearer(small.token({ typ: 'Bearer', token_use: 'access' }, header)));
  }
});

test('R-13: an issuer cannot be trusted twice', () => {
  assert.throws(() => verifierOf([trusted(small), trusted(small)]), /twice/);
});
