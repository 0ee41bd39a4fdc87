/** The gateway's certificates are renewed under load, and nobody notices but who looks. */
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { chmod, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { TestContext } from 'node:test';
import { test } from 'node:test';
import { connect } from 'node:tls';
import { callerNamed } from '../support/identified.ts';
import type { TestPostern } from '../support/postern.ts';
import { startTestPostern } from '../support/postern.ts';
import { openSession, request, send } from '../support/raw.ts';
import { programAt } from '../support/transports.ts';

const SERVERS = { program: { stdio: programAt('test/fixtures/stateful-stdio.ts') } };
const RENEWALS = 3;

async function start(t: TestContext, limits: object = {}): Promise<TestPostern> {
  const postern = await startTestPostern({ servers: SERVERS, limits });
  t.after(() => postern.stop());
  return postern;
}

/** Fingerprint of the certificate that a new connection is shown; rejects when it does not verify. */
async function fingerprintShown(postern: TestPostern): Promise<string> {
  const port = Number(new URL(postern.endpoint).port);
  const ecdhCurve = 'X25519MLKEM768';
  const socket = connect({ host: '127.0.0.1', port, ca: postern.ca, ecdhCurve });
  await once(socket, 'secureConnect');
  const certificate = socket.getPeerX509Certificate() ?? assert.fail('no certificate');
  socket.destroy();
  return certificate.fingerprint256;
}

const renewals = (postern: TestPostern): number =>
  postern.log().filter(({ event }) => event === 'identity.renewed').length;

test('R-05 R-21 certificates and keys are renewed under load without a failed call or handshake', async (t) => {
  const postern = await start(t);
  const old = await callerNamed(postern, null);
  t.after(() => old.close());
  const url = postern.url('program');
  const session = await openSession(old.fetch, url);
  const shown = new Set<string>();
  let calls = 0;
  let asked = 0;
  while (renewals(postern) < RENEWALS) {
    if (asked === renewals(postern)) {
      postern.process.kill('SIGHUP');
      asked += 1;
    }
    shown.add(await fingerprintShown(postern));
    const fresh = await callerNamed(postern, null);
    const answers = await Promise.all([
      send(old.fetch, url, request((calls += 1), 'ping'), session),
      send(fresh.fetch, url, request((calls += 1), 'ping'), session),
    ]);
    assert.deepEqual(
      answers.map(({ status }) => status),
      [200, 200],
    );
    await fresh.close();
  }
  shown.add(await fingerprintShown(postern));
  assert.ok(shown.size > 1 && shown.size <= RENEWALS + 1, `${shown.size} in ${calls} calls`);
});

test('R-21 a renewal comes by itself; one that fails is alerted and made up for later', async (t) => {
  const postern = await start(t, { certificate_lifetime_ms: 6000 });
  const identity = join(postern.stateDir, 'identity');
  const generation = (await readFile(join(identity, 'current'), 'utf8')).trim();
  const key = join(identity, generation, 'pq/issuing.key');
  await chmod(key, 0o644);
  const { level, fields } = await postern.logged(
    ({ event }) => event === 'identity.renewal_failed',
  );
  assert.equal(level, 'alert');
  assert.match(JSON.stringify(fields), /lets other users use the key/);
  await chmod(key, 0o600);
  await postern.logged(({ event }) => event === 'identity.renewed');
  await fingerprintShown(postern);
});

test('R-02 R-22 a CNSA 2.0 listener has certificates of that suite alone', async (t) => {
  const postern = await startTestPostern({
    servers: SERVERS,
    listeners: [{ name: 'main', address: '127.0.0.1:0', tls: { profile: 'cnsa2' } }],
  });
  t.after(() => postern.stop());
  const tls = { ecdhCurve: 'MLKEM1024', sigalgs: 'mldsa87' };
  const caller = await callerNamed(postern, null, tls);
  t.after(() => caller.close());
  await openSession(caller.fetch, postern.url('program'));
  const [entry] = await postern.record();
  const link = entry?.client.link;
  assert.deepEqual(
    [link?.['group'], link?.['cipher'], link?.['local_signature'], link?.['downgrades']],
    ['MLKEM1024', 'TLS_AES_256_GCM_SHA384', 'ML-DSA-87', []],
  );
  const weaker = await callerNamed(postern, null, { ecdhCurve: 'X25519MLKEM768' });
  t.after(() => weaker.close());
  await assert.rejects(openSession(weaker.fetch, postern.url('program')));
});
