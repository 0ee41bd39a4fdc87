/** A gateway whose ports several threads have: it must be as one. */
import assert from 'node:assert/strict';
import { createHash, generateKeyPairSync, sign } from 'node:crypto';
import { once } from 'node:events';
import { createServer } from 'node:net';
import type { TestContext } from 'node:test';
import { after, before, test } from 'node:test';
import type { StatefulHttp } from '../fixtures/stateful-http.ts';
import { startStatefulHttp } from '../fixtures/stateful-http.ts';
import { pqFetch } from '../support/clients.ts';
import { startTestIssuer } from '../support/issuer.ts';
import { connectV1, connectV2 } from '../support/peer.ts';
import type { TestPostern } from '../support/postern.ts';
import { ALLOW_ALL, startTestPostern, temporaryFile } from '../support/postern.ts';
import { openSession, request, send } from '../support/raw.ts';
import { http, programAt } from '../support/transports.ts';
import { until } from '../support/until.ts';

const WORKERS = 2;
const NAMES = ['1', '2'];

let upstream: StatefulHttp;
let postern: TestPostern;

before(async () => {
  upstream = await startStatefulHttp();
  postern = await startTestPostern({
    workers: WORKERS,
    servers: {
      remote: { http: { url: upstream.url } },
      program: { stdio: programAt('test/fixtures/stateful-stdio.ts') },
    },
  });
});
after(async () => {
  await postern.stop();
  await upstream.close();
});

/** Links until a worker of each number has one, by its number. */
async function linksByWorker(t: TestContext): Promise<ReadonlyMap<string, typeof fetch>> {
  const links = new Map<string, typeof fetch>();
  await until('each worker has a link', async () => {
    const link = pqFetch(postern);
    t.after(() => link.close());
    const session = await openSession(link.fetch, postern.url('remote'));
    links.set(session['mcp-session-id'].split('.')[0] ?? '', link.fetch);
    return links.size === WORKERS;
  });
  return links;
}

test('R-05 a session goes on whichever worker its requests come to', async (t) => {
  const links = await linksByWorker(t);
  assert.deepEqual([...links.keys()].toSorted(), NAMES);
  const params = { name: 'roll', arguments: {} };
  for (const through of links.values()) {
    const session = await openSession(through, postern.url('remote'));
    for (const other of links.values()) {
      const list = await send(other, postern.url('remote'), request(1, 'tools/list'), session);
      assert.equal(list.status, 200);
      const call = request('x', 'tools/call', params);
      assert.equal((await send(other, postern.url('remote'), call, session)).status, 200);
    }
    // Its worker's number is for finding it, and changes nothing about whose it is.
    const [, sealed = ''] = session['mcp-session-id'].split('.');
    for (const worker of ['', '1.', '2.', '3.', '9999.']) {
      const id = `${worker}${sealed}`;
      if (id === session['mcp-session-id']) continue;
      const answer = await send(through, postern.url('remote'), request(2, 'ping'), {
        'mcp-session-id': id,
      });
      assert.equal(answer.status, 404, id);
    }
  }
});

test('R-05 programs, and many servers behind one endpoint, are there for every worker', async (t) => {
  for (const through of (await linksByWorker(t)).values()) {
    for (const path of [postern.url('program'), `${postern.endpoint}/mcp`]) {
      for (const connectTo of [connectV1, connectV2]) {
        const peer = await connectTo(http(connectTo === connectV1 ? 1 : 2, path, through));
        await peer.ping();
        await peer.close();
      }
    }
  }
  const { servers } = (await (await fetch(postern.admin)).json()) as {
    servers: Record<string, { children: number }>;
  };
  assert.ok(servers['program'] !== undefined);
});

test('R-05 R-19 a policy is in force for all, and each call is in the record once', async (t) => {
  const links = [...(await linksByWorker(t)).values()];
  const url = postern.url('remote');
  const session = await openSession(links[0] ?? fetch, url);
  const recorded = (await postern.record()).length;
  const count = 40;
  const answers = await Promise.all(
    Array.from({ length: count }, (_, id) =>
      send(links[id % links.length] ?? fetch, url, request(id, 'tools/list'), session),
    ),
  );
  assert.deepEqual([...new Set(answers.map(({ status }) => status))], [200]);
  const denied = { rules: [{ id: 'none', effect: 'deny', principals: ['*', 'anonymous'] }] };
  await postern.applyPolicy(denied);
  for (const through of links) {
    assert.equal((await send(through, url, request(1, 'ping'), session)).status, 403);
  }
  await postern.applyPolicy(ALLOW_ALL);
  const entries = (await postern.record()).slice(recorded);
  assert.equal(entries.length, count + links.length);
  assert.equal(new Set(entries.map(({ id }) => id)).size, entries.length);
  const metrics = await (await fetch(new URL('/metrics', postern.admin))).text();
  const denials = /postern_calls_total\{server="remote"[^}]*outcome="denied"\} (\d+)/.exec(metrics);
  assert.equal(Number(denials?.[1]), links.length);
});

test('R-14 a proof that was used with one worker is used with all', async (t) => {
  const corp = await startTestIssuer(t);
  const authorization = {
    issuers: [{ name: 'corp', issuer: corp.issuer, tls: { ca: await temporaryFile(t, corp.ca) } }],
  };
  const own = await startTestPostern({
    workers: WORKERS,
    listeners: [{ name: 'main', address: '127.0.0.1:0', authorization }],
    servers: { remote: { http: { url: upstream.url } } },
  });
  t.after(() => own.stop());
  const url = own.url('remote');
  const { privateKey, publicKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' });
  const { crv, kty, x, y } = publicKey.export({ format: 'jwk' });
  const jkt = createHash('sha256').update(JSON.stringify({ crv, kty, x, y })).digest('base64url');
  const token = corp.token({ sub: 'ann', aud: url, cnf: { jkt } });
  const encoded = (value: object): string =>
    Buffer.from(JSON.stringify(value)).toString('base64url');
  const proof = (jti: string): string => {
    const header = encoded({ typ: 'dpop+jwt', alg: 'ES256', jwk: { crv, kty, x, y } });
    const ath = createHash('sha256').update(token).digest('base64url');
    const iat = Math.floor(Date.now() / 1000);
    const written = `${header}.${encoded({ jti, htm: 'POST', htu: url, iat, ath })}`;
    const key = { key: privateKey, dsaEncoding: 'ieee-p1363' } as const;
    return `${written}.${sign('sha256', Buffer.from(written), key).toString('base64url')}`;
  };
  for (let round = 0; round < 4; round += 1) {
    const headers = { authorization: `DPoP ${token}`, dpop: proof(`proof-${round}`) };
    const answers = await Promise.all(
      Array.from({ length: 8 }, async () => {
        const link = pqFetch(own);
        t.after(() => link.close());
        return (await send(link.fetch, url, request(1, 'ping'), headers)).status;
      }),
    );
    assert.equal(answers.filter((status) => status !== 401).length, 1, JSON.stringify(answers));
  }
});

test('R-05 an address that somebody else has is not shared', async (t) => {
  const other = createServer().listen({ port: 0, host: '127.0.0.1', reusePort: true });
  t.after(() => other.close());
  await once(other, 'listening');
  const { port } = other.address() as { port: number };
  const config = {
    workers: WORKERS,
    listeners: [{ name: 'main', address: `127.0.0.1:${port}` }],
    servers: { remote: { http: { url: upstream.url } } },
  };
  await assert.rejects(startTestPostern(config), /POSTERN_LISTEN_FAILED|the port is in use/);
});
