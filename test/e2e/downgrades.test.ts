/** Links that are weaker than they could be, where policy lets them pass: marked wherever they show. */
import assert from 'node:assert/strict';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { createServer } from 'node:https';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { createAuthority } from '../support/certificates.ts';
import type { ClientTls } from '../support/clients.ts';
import { ANSWER, listen } from '../support/http-upstream.ts';
import { callerNamed } from '../support/identified.ts';
import { ALLOW_ALL, startTestPostern } from '../support/postern.ts';
import type { TestPostern } from '../support/postern.ts';
import { initialize, request, send } from '../support/raw.ts';
import { programAt } from '../support/transports.ts';

const PROGRAM = { stdio: programAt('test/fixtures/stateful-stdio.ts') };
const LAX = { p2p_connectivity: { enforce_pqc: false }, ...ALLOW_ALL };

let postern: TestPostern;
before(async () => {
  postern = await startTestPostern({
    servers: { program: PROGRAM },
    policy: LAX,
    listeners: [{ name: 'main', address: '127.0.0.1:0', tls: { profile: 'transition' } }],
  });
});
after(() => postern.stop());

/** The client's link in the record of a call that was made with these TLS options. */
async function linkOfCall(tls: ClientTls) {
  const caller = await callerNamed(postern, null, tls);
  const { status } = await send(caller.fetch, postern.url('program'), initialize());
  await caller.close();
  assert.equal(status, 200);
  const entry = (await postern.record()).findLast(({ mcp }) => mcp.method === 'initialize');
  return entry?.client.link ?? assert.fail('no entry');
}

test('R-04 a classical client under transition is served, marked in the record, and alerted', async () => {
  const link = await linkOfCall({ ecdhCurve: 'X25519' });
  assert.equal(link['group'], 'X25519');
  assert.deepEqual(link['downgrades'], ['key_exchange']);
  const { level, fields } = await postern.logged(({ event }) => event === 'tls.downgraded');
  assert.equal(level, 'alert');
  assert.equal((fields as Record<string, unknown>)['group'], 'X25519');
});

test('R-04 a client with ML-KEM among its groups never ends up without', async () => {
  // It sends a share for X25519 alone, and is asked for another one.
  const link = await linkOfCall({ ecdhCurve: '*X25519:X25519MLKEM768' });
  assert.equal(link['group'], 'X25519MLKEM768');
  assert.deepEqual(link['downgrades'], []);
});

test('R-04 a client without ML-DSA gets ECDSA, and the record says so', async () => {
  const link = await linkOfCall({ sigalgs: 'ecdsa_secp256r1_sha256' });
  assert.equal(link['local_signature'], 'ECDSA-P256-SHA256');
  assert.deepEqual(link['downgrades'], ['local_signature']);
});

test('R-09 the record keeps what the client offered', async () => {
  const link = await linkOfCall({ ecdhCurve: 'X25519MLKEM768:X25519', sigalgs: 'mldsa65:mldsa87' });
  const { ja4, ...offer } = link['offer'] as Record<string, unknown>;
  assert.match(String(ja4), /^t13i\d{4}[0-9a-z]{2}_[0-9a-f]{12}_[0-9a-f]{12}$/);
  assert.deepEqual(offer, {
    groups: ['X25519MLKEM768', 'X25519'],
    signatures: ['ML-DSA-65', 'ML-DSA-87'],
  });
});

test('R-04 a classical certificate of a server is marked on its hop', async (t) => {
  const authority = await createAuthority('P-256');
  const { keyPem, certPem } = await authority.issue({ kind: 'P-256' });
  const server = createServer({ key: keyPem, cert: certPem }, (_request, response) => {
    response.writeHead(200, { 'content-type': 'application/json' }).end(ANSWER);
  });
  const port = await listen(t, server);
  const directory = await mkdtemp(join(tmpdir(), 'postern-downgrades-'));
  t.after(() => rm(directory, { recursive: true }));
  const ca = join(directory, 'ca.pem');
  await writeFile(ca, authority.certPem);
  const remote = { http: { url: `https://127.0.0.1:${port}/`, tls: { ca } } };
  const gateway = await startTestPostern({ servers: { remote } });
  t.after(() => gateway.stop());
  const caller = await callerNamed(gateway, null);
  await send(caller.fetch, gateway.url('remote'), request(1, 'ping'));
  await caller.close();
  const [entry] = await gateway.record();
  const link = entry?.upstream?.link;
  assert.equal(link?.['peer_signature'], 'ECDSA-P256-SHA256');
  assert.deepEqual(link['downgrades'], ['peer_signature']);
  assert.equal(link['offer'], undefined);
});
