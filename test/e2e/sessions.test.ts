import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import type { StatefulHttp } from '../fixtures/stateful-http.ts';
import { startStatefulHttp } from '../fixtures/stateful-http.ts';
import { pqFetch } from '../support/clients.ts';
import { connectV1, connectV2 } from '../support/peer.ts';
import type { TestPostern } from '../support/postern.ts';
import { startTestPostern } from '../support/postern.ts';
import { errorCodeOf, openSession, request, send } from '../support/raw.ts';
import { outcomeOf } from '../support/scenario.ts';
import { http, programAt } from '../support/transports.ts';
import { until } from '../support/until.ts';

let upstream: StatefulHttp;
let postern: TestPostern;
let link: ReturnType<typeof pqFetch>;

before(async () => {
  upstream = await startStatefulHttp();
  postern = await startTestPostern({
    servers: {
      remote: { http: { url: upstream.url } },
      program: { stdio: programAt('test/fixtures/stateful-stdio.ts') },
    },
  });
  link = pqFetch(postern);
});
after(async () => {
  await link.close();
  await postern.stop();
  await upstream.close();
});

/** Every way to a server with sessions. */
const ways = (): readonly (readonly [string, string, typeof fetch])[] => [
  ['directly', upstream.url, fetch],
  ['through the gateway, over HTTP', postern.url('remote'), link.fetch],
  ['through the gateway, over stdio', postern.url('program'), link.fetch],
];

async function statusOf(server: string): Promise<{ sessions: number; children: number }> {
  const response = await fetch(postern.admin);
  const { servers } = (await response.json()) as {
    servers: Record<string, { sessions: number; children: number }>;
  };
  return servers[server] ?? assert.fail(`no server ${server}`);
}

for (const generation of [1, 2] as const) {
  test(`R-23 SDK ${generation}.x ends its session, and nothing of it is left`, async () => {
    for (const [how, url, through] of ways()) {
      const others = upstream.sessions().length;
      const transport = http(generation, url, through);
      const peer = await (generation === 1 ? connectV1 : connectV2)(transport);
      await peer.ping();
      if (!how.includes('stdio')) assert.equal(upstream.sessions().length, others + 1, how);
      await transport.terminateSession();
      assert.equal(upstream.sessions().length, others, how);
      await peer.close();
    }
    for (const server of ['remote', 'program']) {
      await until(`no session of ${server}`, async () => (await statusOf(server)).sessions === 0);
    }
    await until('no child', async () => (await statusOf('program')).children === 0);
  });
}

test('R-23 an ended session is not found, whichever way it is asked for', async () => {
  const outcomes = await Promise.all(
    ways().map(async ([, url, through]) => {
      const session = await openSession(through, url);
      const alive = await send(through, url, request(1, 'ping'), session);
      const ended = await send(through, url, null, session, 'DELETE');
      const again = await Promise.all([
        send(through, url, request(2, 'ping'), session),
        send(through, url, null, session, 'GET'),
        send(through, url, null, session, 'DELETE'),
      ]);
      const refusals = again.map((each) => [each.status, errorCodeOf(each)]);
      return { alive: alive.status, ended: ended.status, refusals };
    }),
  );
  const [direct, ...through] = outcomes;
  const notFound = [404, -32001];
  assert.deepEqual(direct, { alive: 200, ended: 200, refusals: [notFound, notFound, notFound] });
  for (const outcome of through) assert.deepEqual(outcome, direct);
});

test('R-23 a client whose session has ended is told so and can start anew', async () => {
  const outcomes = await Promise.all(
    ways().map(async ([, url, through]) => {
      const transport = http(1, url, through);
      const peer = await connectV1(transport);
      await send(through, url, null, { 'mcp-session-id': transport.sessionId ?? '' }, 'DELETE');
      const failure = (await outcomeOf(() => peer.ping())) as { failed?: { code?: unknown } };
      await peer.close();
      const next = await connectV1(http(1, url, through));
      const answer = await outcomeOf(() => next.ping());
      await next.close();
      return [failure.failed?.code, answer];
    }),
  );
  for (const outcome of outcomes) assert.deepEqual(outcome, [404, {}]);
});

test('R-23 without a session only initialize is taken', async () => {
  const url = postern.url('program');
  const answer = await send(link.fetch, url, request(1, 'tools/list'));
  assert.equal(answer.status, 400);
  assert.equal(errorCodeOf(answer), -32000);
});
