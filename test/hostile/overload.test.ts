/** More calls than the gateway has room or time for, and who still gets through. */
import assert from 'node:assert/strict';
import type { IncomingMessage, ServerResponse } from 'node:http';
import { createServer } from 'node:http';
import { after, before, test } from 'node:test';
import { pqFetch } from '../support/clients.ts';
import type { TestPostern } from '../support/postern.ts';
import { startTestPostern } from '../support/postern.ts';
import { until } from '../support/until.ts';
import type { OpenServer } from './support/http-servers.ts';
import { listen, wellBehaved } from './support/http-servers.ts';
import type { PlainAnswer } from './support/plain-caller.ts';
import { PlainCaller } from './support/plain-caller.ts';
import { untilStatus } from './support/processes.ts';
import { SseByHand } from './support/sse-session.ts';

const MAX_CALLS = 160;
/** What one caller may have of them. */
const SHARE = 120;

let upstream: OpenServer;
let postern: TestPostern;
let greedy: PlainCaller;
let guest: PlainCaller;
/** Calls that the server has not answered yet. */
const hanging = new Map<ServerResponse, unknown>();
before(async () => {
  upstream = await listen(createServer(serve));
  postern = await startTestPostern({
    servers: { remote: { http: { url: `http://127.0.0.1:${upstream.port}/` } } },
    listeners: [
      { name: 'main', address: '127.0.0.1:0' },
      { name: 'plain', address: '127.0.0.1:0', tls: 'off' },
    ],
    audit: { mode: 'async' },
    limits: { max_calls_in_flight: MAX_CALLS, max_turn_ms: 1 },
  });
  const url = `${postern.listener('plain')}/servers/remote/mcp`;
  greedy = new PlainCaller(url, '127.0.0.1');
  guest = new PlainCaller(url, '127.0.0.2');
});
after(async () => {
  greedy.close();
  guest.close();
  await postern.stop();
  await upstream.close();
});

/** Looks for the id alone: it must have less to do than the gateway. */
function serve(request: IncomingMessage, response: ServerResponse): void {
  let id: unknown;
  request.on('data', (chunk: Buffer) => {
    id ??= JSON.parse(/"id":("[^"]+"|\d+)/.exec(chunk.toString('latin1', 0, 200))?.[1] ?? 'null');
  });
  request.on('end', () => {
    if (String(id).startsWith('hang')) hanging.set(response, id);
    else wellBehaved(response, id ?? undefined, request);
  });
}

function letGo(): void {
  for (const [response, id] of hanging) wellBehaved(response, id, response.req);
  hanging.clear();
}

/** What is said to who is refused. */
function assertRefused({ status, headers, message }: PlainAnswer, limit: string): void {
  assert.equal(status, 503);
  const seconds = Number(headers['retry-after']);
  assert.ok(seconds >= 1 && seconds <= 3, `retry-after: ${headers['retry-after']}`);
  assert.equal(headers.connection, 'keep-alive');
  assert.equal(headers['cache-control'], 'no-store');
  assert.equal(message?.id, null);
  const data = message.error?.data as Record<string, unknown> | undefined;
  const ms = data?.['retry_after_ms'];
  assert.ok(Number(ms) > (seconds - 1) * 1000 && Number(ms) <= seconds * 1000);
  assert.deepEqual(
    { code: data?.['code'], limit: data?.['limit'] },
    { code: 'POSTERN_OVERLOADED', limit },
  );
}

async function shedCount(limit: string): Promise<number> {
  const text = await (await fetch(new URL('/metrics', postern.admin))).text();
  const line = text.split('\n').find((each) => each.includes(`shed_total{limit="${limit}"}`));
  return Number(line?.split(' ').at(-1) ?? 0);
}

test('R-18 a caller whose calls hang gets no further ones, and others do', async () => {
  const calls = Array.from({ length: SHARE + 10 }, (_, count) => greedy.call(`hang ${count}`));
  await untilStatus(postern, 'its share is taken', () => hanging.size === SHARE);
  const { status, message } = await guest.call('echo');
  assert.equal(status, 200, JSON.stringify(message));
  await until('ten were refused', async () => (await shedCount('max_calls_in_flight')) === 10);
  letGo();
  const answers = await Promise.all(calls);
  const refused = answers.filter((answer) => answer.status !== 200);
  assert.equal(refused.length, 10);
  for (const answer of refused) assertRefused(answer, 'max_calls_in_flight');
  // They have come back on the connections of before, and there is room again.
  assert.equal((await greedy.call('echo')).status, 200);
  const { fields } = await postern.logged(({ event }) => event === 'overload.ended');
  const { refused: counts } = fields as { refused: unknown };
  assert.deepEqual(counts, { max_calls_in_flight: 10 });
  assert.equal(postern.log().filter(({ event }) => event === 'overload.began').length, 1);
  assert.equal(postern.log().filter(({ event }) => event === 'request.rejected').length, 0);
});

test('R-23 a client of HTTP+SSE is refused on its stream, with the id of its request', async () => {
  const link = pqFetch(postern);
  const sse = await SseByHand.open(link.fetch, `${postern.listener('main')}/servers/remote/sse`);
  await sse.initialize();
  const calls = Array.from({ length: SHARE }, (_, count) => greedy.call(`hang ${count}`));
  await until('the share is taken', () => hanging.size === SHARE);
  assert.deepEqual(await sse.call(7, 'x'), [202]);
  const { error } = (await sse.hears(7)) as unknown as {
    error: { data: Record<string, unknown> };
  };
  assert.equal(error.data['code'], 'POSTERN_OVERLOADED');
  assert.equal(error.data['limit'], 'max_calls_in_flight');
  assert.ok(Number(error.data['retry_after_ms']) >= 1000);
  letGo();
  await Promise.all(calls);
  assert.deepEqual(await sse.call(8, 'x'), [202]);
  assert.ok('result' in (await sse.hears(8)));
  sse.close();
  await link.close();
});

test('R-10 a gateway with more to do than it can refuses by pace, and recovers by itself', async () => {
  let served = 0;
  const refused: PlainAnswer[] = [];
  const stop = greedy.flood(SHARE, (answer) => {
    if (answer.status === 200) served += 1;
    else refused.push(answer);
  });
  await until('the pace is held', () => refused.length > 0);
  // Whoever wants little gets it meanwhile.
  let guests = 0;
  await until('a guest is served three times', async () => {
    if ((await guest.call('echo')).status === 200) guests += 1;
    return guests === 3;
  });
  const soFar = served;
  await until('some of the flood is served all the same', () => served > soFar);
  await stop();
  for (const answer of refused) assertRefused(answer, 'max_turn_ms');
  await until('the flood is over', () =>
    postern.log().some(({ event, fields }) => {
      const counts = (fields as { refused?: Record<string, number> } | undefined)?.refused ?? {};
      return event === 'overload.ended' && 'max_turn_ms' in counts;
    }),
  );
  const burst = await Promise.all(Array.from({ length: SHARE }, () => greedy.call('echo')));
  assert.deepEqual([...new Set(burst.map(({ status }) => status))], [200]);
});

test('R-19 calls that were refused for want of room are in no record', async () => {
  const entries = await postern.record();
  assert.ok(entries.length > 0);
  assert.ok(!JSON.stringify(entries).includes('POSTERN_OVERLOADED'));
});
