/** Attackers with tokens at a real listener, over quantum-safe TLS; good callers before and after. */
import assert from 'node:assert/strict';
import { X509Certificate } from 'node:crypto';
import { test } from 'node:test';
import { issueClient } from '#identity';
import { pqFetch } from '../../test/support/clients.ts';
import { startMirrorServer } from '../../test/support/mirror-server.ts';
import { startTestPostern, temporaryFile } from '../../test/support/postern.ts';
import { request, send } from '../../test/support/raw.ts';
import { ATTACKS, newSigner, thumbprintOf, World } from './attacks.fixture.ts';

const SITE = 'https://gw.example';
const PATH = '/servers/mirror/mcp';
const CALL = request(1, 'tools/call', { name: 'route', arguments: {} });

const world = new World({
  issuer: 'https://issuer.example/tenant',
  otherIssuer: 'https://other.example',
  resource: `${SITE}${PATH}`,
  url: `${SITE}${PATH}`,
  httpMethod: 'POST',
  nowSeconds: () => Math.floor(Date.now() / 1000),
});

test('R-13 R-14 every attack with a token is refused at the door, and good callers never are', async (t) => {
  const mirror = await startMirrorServer();
  t.after(() => mirror.close());
  const { issuer, otherIssuer } = world.place;
  const keys = await temporaryFile(t, world.keySet());
  const otherKeys = await temporaryFile(t, world.otherKeySet());
  const postern = await startTestPostern({
    servers: { mirror: { http: { url: mirror.url }, bridge: 'off' } },
    listeners: [
      {
        name: 'main',
        address: '127.0.0.1:0',
        authorization: {
          resource: SITE,
          issuers: [
            { name: 'corp', issuer, jwks_file: keys },
            { name: 'other', issuer: otherIssuer, jwks_file: otherKeys },
          ],
        },
      },
    ],
    policy: { rules: [{ effect: 'allow', principals: ['corp:*', 'other:*'] }] },
  });
  const link = pqFetch(postern);
  t.after(async () => {
    await link.close();
    await postern.stop();
  });
  const url = `${postern.endpoint}${PATH}`;
  type Headers = Readonly<Record<string, string>>;
  const call = (headers: Headers, through = link.fetch) => send(through, url, CALL, headers);
  const isTaken = async (headers: Headers, why: string, through = link.fetch): Promise<void> => {
    assert.equal((await call(headers, through)).status, 200, why);
  };

  await isTaken({ authorization: `Bearer ${world.token()}` }, 'before');
  let passed = 1;
  for (const { name, code, httpStatus, challenge, build } of ATTACKS) {
    const requests = build(world);
    for (const each of requests.slice(0, -1)) {
      await isTaken({ ...each }, `${name}: what goes before`);
      passed += 1;
    }
    const { status, headers, message } = await call({ ...requests.at(-1) });
    assert.equal(status, httpStatus, name);
    assert.equal(posternCodeOf(message), code, name);
    const told = headers.get('www-authenticate') ?? '';
    assert.equal(/error="([^"]*)"/.exec(told)?.[1] ?? null, challenge, name);
    assert.match(told, /resource_metadata="https:\/\/gw\.example\/\.well-known\//, name);
  }
  assert.ok(ATTACKS.length >= 60);
  await isTaken({ authorization: `Bearer ${world.token()}` }, 'after');
  assert.equal(mirror.reached.length, passed + 1, 'nothing else came to the server');

  const quantum = newSigner('ML-DSA-65', 'client');
  const bound = world.token(
    { cnf: { jkt: thumbprintOf(quantum) }, sub: 'quantum' },
    {},
    world.signer('ML-DSA-65'),
  );
  const proven = { authorization: `DPoP ${bound}`, dpop: world.proof(bound, {}, {}, quantum) };
  await isTaken(proven, 'ML-DSA-65 token with an ML-DSA-65 proof');
  assert.equal((await call(proven)).status, 401, 'the proof is used up');

  const { keyPem, chainPem } = await issueClient(postern.stateDir, 'robot');
  const certificate = new X509Certificate(chainPem);
  const x5t = Buffer.from(certificate.fingerprint256.replaceAll(':', ''), 'hex');
  const held = world.token({ sub: 'held', cnf: { 'x5t#S256': x5t.toString('base64url') } });
  const holder = pqFetch(postern, { key: keyPem, cert: chainPem });
  t.after(() => holder.close());
  await isTaken({ authorization: `Bearer ${held}` }, 'over its own link', holder.fetch);
  const stolen = await call({ authorization: `Bearer ${held}` });
  assert.equal(stolen.status, 401, 'over another link');

  const tokens = new Map((await postern.record()).map(({ client }) => [client.principal, client]));
  assert.deepEqual(
    [tokens.get('corp:quantum')?.token?.binding, tokens.get('corp:quantum')?.token?.quantum_safe],
    ['dpop', true],
  );
  assert.equal(tokens.get('corp:held')?.token?.binding, 'certificate');
});

function posternCodeOf(message: Record<string, unknown> | null): unknown {
  return (message?.['error'] as { data?: { code?: unknown } } | undefined)?.data?.code;
}
