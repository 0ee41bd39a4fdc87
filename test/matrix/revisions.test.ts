import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import type { StatefulHttp } from '../fixtures/stateful-http.ts';
import { startStatefulHttp } from '../fixtures/stateful-http.ts';
import { pqFetch } from '../support/clients.ts';
import { connectV1, connectV2 } from '../support/peer.ts';
import type { TestPostern } from '../support/postern.ts';
import { startTestPostern } from '../support/postern.ts';
import { initialize, openSession, request, send } from '../support/raw.ts';
import { assertSame, assertWorked, play } from '../support/scenario.ts';
import { STATEFUL_FAILURES, STATEFUL_SCENARIO } from '../support/stateful-scenario.ts';
import { http, programAt, stdio } from '../support/transports.ts';

const PROGRAM = programAt('test/fixtures/stateful-stdio.ts');
const REVISIONS = ['2024-11-05', '2025-03-26', '2025-06-18', '2025-11-25'];

interface Chosen {
  readonly protocolVersion: string;
}

let upstream: StatefulHttp;
let postern: TestPostern;
let link: ReturnType<typeof pqFetch>;

before(async () => {
  upstream = await startStatefulHttp();
  postern = await startTestPostern({
    servers: {
      remote: { http: { url: upstream.url } },
      program: { stdio: PROGRAM },
    },
  });
  link = pqFetch(postern);
});
after(async () => {
  await link.close();
  await postern.stop();
  await upstream.close();
});

for (const revision of REVISIONS) {
  test(`R-23 SDK 1.x at ${revision}, over HTTP: the same through the gateway`, async (t) => {
    const through = http(1, postern.url('remote'), link.fetch);
    const [direct, same] = await Promise.all([
      play(STATEFUL_SCENARIO, connectV1(http(1, upstream.url), revision)),
      play(STATEFUL_SCENARIO, connectV1(through, revision)),
    ]);
    assert.equal(direct['revision'], revision);
    assertWorked(direct, STATEFUL_FAILURES);
    await assertSame(t, direct, same);
  });
}

test('R-23 SDK 2.x at its oldest revision, over stdio: the same through the gateway', async (t) => {
  const options = { supportedProtocolVersions: ['2024-11-05'] };
  const through = http(2, postern.url('program'), link.fetch);
  const [direct, same] = await Promise.all([
    play(STATEFUL_SCENARIO, connectV2(stdio(2, PROGRAM), options)),
    play(STATEFUL_SCENARIO, connectV2(through, options)),
  ]);
  assert.equal(direct['revision'], '2024-11-05');
  assertWorked(direct, STATEFUL_FAILURES);
  await assertSame(t, direct, same);
});

test('R-23 a client that names no revision in its headers is served', async () => {
  const answers = [];
  for (const [url, through] of [
    [upstream.url, fetch],
    [postern.url('remote'), link.fetch],
    [postern.url('program'), link.fetch],
  ] as const) {
    const session = await openSession(through, url, '2025-03-26');
    const { status, message } = await send(through, url, request(1, 'ping'), session);
    await send(through, url, null, session, 'DELETE');
    answers.push({ status, message });
  }
  const [direct, ...same] = answers;
  assert.deepEqual(direct, { status: 200, message: { jsonrpc: '2.0', id: 1, result: {} } });
  for (const answer of same) assert.deepEqual(answer, direct);
});

test('R-23 a server decides which revision answers one that nobody knows', async () => {
  const asked = initialize('2099-12-31');
  const direct = await send(fetch, upstream.url, asked);
  for (const server of ['remote', 'program']) {
    const same = await send(link.fetch, postern.url(server), asked);
    assert.equal(same.status, 200);
    const [theirs, ours] = [direct, same].map(({ message }) => message?.['result'] as Chosen);
    assert.equal(ours?.protocolVersion, theirs?.protocolVersion);
    assert.ok(ours?.protocolVersion);
  }
});

test('R-23 a header with a revision that nobody knows is refused, directly as well', async () => {
  for (const [url, through] of [
    [upstream.url, fetch],
    [postern.url('remote'), link.fetch],
    [postern.url('program'), link.fetch],
  ] as const) {
    const session = await openSession(through, url);
    const headers = { ...session, 'mcp-protocol-version': '2099-12-31' };
    assert.equal((await send(through, url, request(1, 'ping'), headers)).status, 400);
  }
});

test('R-23 2026-07-28 has POST alone and needs no session', async () => {
  const headers = { 'mcp-protocol-version': '2026-07-28' };
  for (const method of ['GET', 'DELETE']) {
    const answer = await send(link.fetch, postern.url('remote'), null, headers, method);
    assert.equal(answer.status, 405);
    assert.equal(answer.headers.get('allow'), 'POST');
  }
});
