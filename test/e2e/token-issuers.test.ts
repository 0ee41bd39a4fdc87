/** Issuers of access tokens: their metadata, keys that change, outages, and what `postern check` says. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { runPostern } from '../support/cli.ts';
import { pqFetch } from '../support/clients.ts';
import { startTestIssuer } from '../support/issuer.ts';
import { startMirrorServer } from '../support/mirror-server.ts';
import { startTestPostern, temporaryFile } from '../support/postern.ts';
import { request, send } from '../support/raw.ts';
import { until } from '../support/until.ts';

const CALL = request(1, 'tools/call', { name: 'route', arguments: {} });

test('R-13 R-21 keys rotate and issuers fail under calls, and nothing is believed for long', async (t) => {
  const corp = await startTestIssuer(t);
  const liar = await startTestIssuer(t);
  liar.metadata = { issuer: corp.issuer };
  const mirror = await startMirrorServer();
  t.after(() => mirror.close());
  const issuers = await Promise.all(
    Object.entries({ corp, liar }).map(async ([name, { issuer, ca }]) => {
      return { name, issuer, tls: { ca: await temporaryFile(t, ca) } };
    }),
  );
  const postern = await startTestPostern({
    servers: { mirror: { http: { url: mirror.url }, bridge: 'off' } },
    listeners: [{ name: 'main', address: '127.0.0.1:0', authorization: { issuers } }],
    policy: { rules: [{ effect: 'allow' }] },
    limits: { key_set_cooldown_ms: 10, key_set_refresh_ms: 1000, key_set_stale_ms: 2000 },
  });
  const link = pqFetch(postern);
  t.after(async () => {
    await link.close();
    await postern.stop();
  });
  const url = postern.url('mirror');
  const statusOf = async (token: string): Promise<number> =>
    (await send(link.fetch, url, CALL, { authorization: `Bearer ${token}` })).status;
  const aud = url;

  assert.equal(corp.fetches, 0, 'nobody is asked before a token comes');
  const first = corp.token({ sub: 'ann', aud });
  const statuses = await Promise.all(Array.from({ length: 20 }, () => statusOf(first)));
  assert.deepEqual(new Set(statuses), new Set([200]));
  assert.ok(corp.fetches <= 2, `all calls together asked ${corp.fetches} times`);

  corp.rotate('ML-DSA-65');
  const second = corp.token({ sub: 'ann', aud });
  await until('a token by the new key is taken', async () => (await statusOf(second)) === 200);
  await until('one by the old key is not', async () => (await statusOf(first)) === 401);
  const entries = await postern.record();
  assert.equal(entries.at(-1)?.client.token?.algorithm, 'ML-DSA-65');

  corp.up = false;
  assert.equal(await statusOf(second), 200, 'the keys of before are believed for a while');
  await until('after that nobody knows', async () => (await statusOf(second)) === 503);
  await postern.logged(({ event }) => event === 'oauth.keys_unavailable');
  corp.up = true;
  await until('it is back', async () => (await statusOf(second)) === 200);

  assert.equal(await statusOf(liar.token({ sub: 'x', aud })), 503, 'metadata of another issuer');

  const config = `${postern.directory}/postern.yaml`;
  const { stdout, code } = await runPostern('check', '--connect', '--json', '--config', config);
  const { issuers: probes } = JSON.parse(stdout) as { issuers: object[] };
  const [good, bad] = probes as { name: string; reachable: boolean; detail: string }[];
  assert.deepEqual(
    [good?.name, good?.reachable, good?.detail],
    ['corp', true, 'its keys are there'],
  );
  assert.equal(bad?.reachable, false);
  assert.match(bad.detail, /names another issuer/);
  assert.notEqual(code, 0);
});
