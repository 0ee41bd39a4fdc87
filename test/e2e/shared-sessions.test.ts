import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import type { StatefulHttp } from '../fixtures/stateful-http.ts';
import { startStatefulHttp } from '../fixtures/stateful-http.ts';
import { pqFetch } from '../support/clients.ts';
import { connectV2 } from '../support/peer.ts';
import type { TestPostern } from '../support/postern.ts';
import { startTestPostern } from '../support/postern.ts';
import { errorCodeOf, openSession, request, send } from '../support/raw.ts';
import { http, programAt } from '../support/transports.ts';

/** Two gateways with the same sealing keys, before the same servers. */
let directory: string;
let keys: string;
let upstream: StatefulHttp;
let posterns: readonly TestPostern[];
let links: readonly ReturnType<typeof pqFetch>[];

before(async () => {
  directory = await mkdtemp(join(tmpdir(), 'postern-keys-'));
  keys = join(directory, 'sealing.keys');
  await writeFile(keys, `${randomBytes(32).toString('base64')}\n`, { mode: 0o600 });
  upstream = await startStatefulHttp();
  const program = { stdio: programAt('test/fixtures/stateful-stdio.ts') };
  const config = {
    sealing_keys: keys,
    listeners: [
      { name: 'main', address: '127.0.0.1:0' },
      { name: 'plain', address: '127.0.0.1:0', tls: 'off' },
    ],
    servers: {
      remote: { http: { url: upstream.url } },
      alike: { http: { url: upstream.url } },
      program,
    },
  };
  posterns = await Promise.all([startTestPostern(config), startTestPostern(config)]);
  links = posterns.map((postern) => pqFetch(postern));
});
after(async () => {
  for (const link of links) await link.close();
  for (const postern of posterns) await postern.stop();
  await upstream.close();
  await rm(directory, { recursive: true, force: true });
});

const gateway = (index: 0 | 1) => {
  const [postern, link] = [posterns[index], links[index]];
  if (postern === undefined || link === undefined) throw new Error('not started');
  return { postern, through: link.fetch };
};

type Session = Awaited<ReturnType<typeof openSession>>;

async function ping(index: 0 | 1, server: string, session: Session): Promise<unknown[]> {
  const { postern, through } = gateway(index);
  const answer = await send(through, postern.url(server), request(1, 'ping'), session);
  return [answer.status, errorCodeOf(answer)];
}

const FOUND = [200, undefined];
const NOT_FOUND = [404, -32001];

test('R-25 R-23 a session of an HTTP server goes on at a gateway with the same keys', async () => {
  const { postern, through } = gateway(0);
  const session = await openSession(through, postern.url('remote'));
  const own = upstream.sessions().at(-1) ?? '';
  assert.notEqual(session['mcp-session-id'], own);
  assert.deepEqual(await ping(0, 'remote', session), FOUND);
  assert.deepEqual(await ping(1, 'remote', session), FOUND);
  assert.equal(upstream.seen.at(-1)?.headers['mcp-session-id'], own);
  const there = gateway(1);
  const ended = await send(there.through, there.postern.url('remote'), null, session, 'DELETE');
  assert.equal(ended.status, 200);
  assert.deepEqual(await ping(0, 'remote', session), NOT_FOUND);
});

test('R-25 R-23 a session of a program is not found at another gateway, whose log names its own', async () => {
  const { postern, through } = gateway(0);
  const session = await openSession(through, postern.url('program'));
  assert.deepEqual(await ping(1, 'program', session), NOT_FOUND);
  const line = await gateway(1).postern.logged(({ event }) => event === 'session.elsewhere');
  const { instance } = line['fields'] as { instance: string };
  assert.match(instance, new RegExp(`/${postern.process.pid}$`));
  assert.deepEqual(await ping(0, 'program', session), FOUND);
  // What the specification has a client do then.
  const peer = await connectV2(http(2, gateway(1).postern.url('program'), gateway(1).through));
  await peer.ping();
  await peer.close();
});

test('R-18 R-23 a session id is of no use elsewhere, over a weaker link, or changed', async () => {
  const { postern, through } = gateway(0);
  const session = await openSession(through, postern.url('remote'));
  const seen = upstream.seen.length;
  assert.deepEqual(await ping(0, 'alike', session), NOT_FOUND);
  assert.deepEqual(await ping(0, 'program', session), NOT_FOUND);
  const id = session['mcp-session-id'];
  for (const other of [`${id.slice(0, -1)}${id.endsWith('A') ? 'B' : 'A'}`, id.slice(4), 'x']) {
    assert.deepEqual(await ping(0, 'remote', { 'mcp-session-id': other }), NOT_FOUND);
  }
  assert.deepEqual(
    await ping(0, 'remote', { 'mcp-session-id': upstream.sessions().at(-1) ?? '' }),
    NOT_FOUND,
  );
  const plain = `${postern.listener('plain')}/servers/remote/mcp`;
  const weaker = await send(fetch, plain, request(1, 'ping'), session);
  assert.deepEqual([weaker.status, errorCodeOf(weaker)], NOT_FOUND);
  assert.equal(upstream.seen.length, seen);
  assert.deepEqual(await ping(0, 'remote', session), FOUND);
});

test('R-19 the record ties the calls of a session together, without its id', async () => {
  const { postern, through } = gateway(0);
  const session = await openSession(through, postern.url('remote'));
  await ping(0, 'remote', session);
  const entries = (await postern.record()).slice(-3);
  assert.equal(new Set(entries.map(({ mcp }) => mcp.session)).size, 1);
  assert.doesNotMatch(JSON.stringify(entries), new RegExp(session['mcp-session-id']));
});
