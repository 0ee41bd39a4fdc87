/** The gateway's certificates are renewed by themselves. */
import assert from 'node:assert/strict';
import { chmod, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { TestContext } from 'node:test';
import { test } from 'node:test';
import { fingerprintShown } from '../support/clients.ts';
import { callerNamed } from '../support/identified.ts';
import type { TestPostern } from '../support/postern.ts';
import { startTestPostern } from '../support/postern.ts';
import { openSession } from '../support/raw.ts';
import { programAt } from '../support/transports.ts';

const SERVERS = { program: { stdio: programAt('test/fixtures/stateful-stdio.ts') } };

async function start(t: TestContext, limits: object = {}): Promise<TestPostern> {
  const postern = await startTestPostern({ servers: SERVERS, limits });
  t.after(() => postern.stop());
  return postern;
}

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
