/** Streams of the endpoint for many servers that break off between the client and the gateway. */
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { pqFetch } from '../support/clients.ts';
import type { EventReader, ReadEvent } from '../support/event-reader.ts';
import { readEvents } from '../support/event-reader.ts';
import { connectV1, connectV2 } from '../support/peer.ts';
import type { TestPostern } from '../support/postern.ts';
import { ALLOW_ALL, startTestPostern } from '../support/postern.ts';
import { errorCodeOf, openSession, request, send } from '../support/raw.ts';
import type { Relay } from '../support/relay.ts';
import { startRelay } from '../support/relay.ts';
import { http, programAt } from '../support/transports.ts';
import { until } from '../support/until.ts';

const PROGRAM = programAt('test/fixtures/interruptible-stdio.ts');

let postern: TestPostern;
let relay: Relay;
let link: ReturnType<typeof pqFetch>;
let url: string;

before(async () => {
  postern = await startTestPostern({
    servers: { one: { stdio: PROGRAM }, two: { stdio: PROGRAM } },
    listeners: [
      { name: 'main', address: '127.0.0.1:0' },
      { name: 'plain', address: '127.0.0.1:0', tls: 'off' },
    ],
    federation: { sets: { single: { servers: ['one'] } } },
    limits: { prime_after_ms: 100 },
  });
  relay = await startRelay(Number(new URL(postern.endpoint).port));
  url = `${postern.endpoint}/mcp`;
  link = pqFetch(postern);
});
after(async () => {
  await link.close();
  await postern.stop();
  await relay.close();
});

type Session = Readonly<Record<string, string>>;

async function newSession(at = url): Promise<Session> {
  return {
    ...(await openSession(link.fetch, at)),
    'mcp-protocol-version': '2025-11-25',
  };
}

const tool = (id: number, name: string, args: object = {}): object =>
  request(id, 'tools/call', { name, arguments: args });

const read = (message: object | null, session: Session): Promise<EventReader> =>
  readEvents(link.fetch, url, message, session);

const following = (session: Session, last: ReadEvent | null): Session => ({
  ...session,
  'last-event-id': last?.id ?? '',
});

const textOf = (events: readonly ReadEvent[]): string => JSON.stringify(events.at(-1)?.message);

for (const generation of [1, 2] as const) {
  test(`R-23 SDK ${generation}.x takes a call to one of many servers up again`, async (t) => {
    const transport = http(generation, `https://127.0.0.1:${relay.port}/mcp`, link.fetch);
    const peer = await (generation === 1 ? connectV1 : connectV2)(transport);
    t.after(() => peer.close());
    const call = peer.call('one__resume', {}, { onprogress: () => {} });
    await until('the call has begun', () => peer.progress.length === 1);
    relay.cut();
    // Past the cuts: the client does not yet know of them.
    const session = { 'mcp-session-id': transport.sessionId ?? '' };
    await send(link.fetch, url, tool(1001, 'one__release'), session);
    assert.match(JSON.stringify(await call), /resumed/);
    assert.deepEqual(
      peer.progress.map(({ progress }) => progress),
      [1, 2, 3],
    );
  });
}

test('R-19 R-23 a silent call goes on without its client, whose return is in the record', async () => {
  const session = await newSession();
  const call = await read(tool(1, 'two__resume'), session);
  const primed = await call.next();
  assert.equal(primed?.message, null);
  await call.cut();
  await send(link.fetch, url, tool(2, 'two__release'), session);
  const answer = await (await read(null, following(session, primed))).rest();
  assert.match(textOf(answer), /resumed/);
  const record = (await postern.record()).filter(({ mcp }) => mcp.rpc_id === 1);
  assert.deepEqual(
    record.slice(-2).map(({ mcp, outcome }) => [mcp.server, mcp.kind, outcome.status]),
    [
      ['two', 'request', 'ok'],
      [null, 'replayed', 'ok'],
    ],
  );
});

test('R-23 the stream of a session goes on where it was lost', async () => {
  const session = await newSession();
  const first = await read(null, session);
  const touch = (server: string): Promise<void> => touched(session, server);
  await touch('one');
  const one = await first.next();
  await touch('two');
  const two = await first.next();
  assert.deepEqual(two?.message?.['params'], { uri: 'two+note://one' });
  await first.cut();
  const second = await read(null, following(session, one));
  assert.deepEqual(await second.next(), two);
  await touch('one');
  const three = await second.next();
  assert.deepEqual(three?.message, one?.message);
  assert.equal(new Set([one?.id, two?.id, three?.id]).size, 3);
  await second.cut();
});

test('R-18 R-23 an event serves in its own session alone, at its own endpoint and over its kind of link', async () => {
  const mine = await newSession();
  const call = await read(tool(1, 'one__resume'), mine);
  const primed = await call.next();
  await call.cut();
  const elsewhere = `${postern.endpoint}/sets/single/mcp`;
  for (const [through, session, at] of [
    [link.fetch, mine, elsewhere],
    [fetch, mine, `${postern.listener('plain')}/mcp`],
    [link.fetch, { ...mine, 'last-event-id': `${primed?.id}zzzz` }, url],
  ] as const) {
    const headers = { ...following(session, primed), ...session };
    const answer = await send(through, at, null, headers, 'GET');
    assert.deepEqual([answer.status, errorCodeOf(answer)], [404, -32001], at);
  }
  // In another session the id means nothing.
  const another = await newSession();
  const other = await read(null, following(another, primed));
  await send(link.fetch, url, tool(2, 'one__release'), mine);
  assert.match(textOf(await (await read(null, following(mine, primed))).rest()), /resumed/);
  await send(link.fetch, url, null, another, 'DELETE');
  assert.doesNotMatch(JSON.stringify(await other.rest()), /resumed/);
  const ended = await send(link.fetch, url, null, mine, 'DELETE');
  assert.equal(ended.status, 200);
});

test('R-23 whoever comes back for a call that was cancelled is not sent away again and again', async () => {
  const session = await newSession();
  const waiting = request(1, 'tools/call', { name: 'one__wait', _meta: { progressToken: 1 } });
  const call = await read(waiting, session);
  const begun = await call.next();
  const params = { requestId: 1 };
  await send(
    link.fetch,
    url,
    { jsonrpc: '2.0', method: 'notifications/cancelled', params },
    session,
  );
  assert.deepEqual(await call.rest(), []);
  const back = await read(null, following(session, begun));
  assert.equal(back.status, 200);
  const ended = back.rest();
  await send(link.fetch, url, null, session, 'DELETE');
  assert.deepEqual(await ended, [], 'it ended with the session');
});

test('R-18 R-23 policy decides what a client that comes back still gets', async () => {
  const session = await newSession();
  const call = await read(tool(2, 'one__resume'), session);
  const begun = await call.next();
  await call.cut();
  await until('the call goes on alone', async () => (await callsInFlight()) === 1);
  const deny = { id: 'no', effect: 'deny', servers: ['one'], tools: ['resume'] };
  await postern.applyPolicy({ rules: [deny, ...ALLOW_ALL.rules] });
  await until('the call has ended', async () => (await callsInFlight()) === 0);
  const rest = await send(link.fetch, url, null, following(session, begun), 'GET');
  assert.deepEqual([rest.status, errorCodeOf(rest)], [404, -32001]);
  await postern.applyPolicy(ALLOW_ALL);
});

test('R-18 R-23 a stream of which policy has closed one server goes on, without what was missed', async () => {
  const session = await newSession();
  const first = await read(null, session);
  await touched(session, 'one');
  const heard = await first.next();
  await touched(session, 'one');
  await first.next();
  await first.cut();
  const closed = { id: 'closed', effect: 'deny', servers: ['one'] };
  await postern.applyPolicy({ rules: [closed, ...ALLOW_ALL.rules] });
  const second = await read(null, following(session, heard));
  const methods = [await second.next(), await second.next(), await second.next()].map(
    (event) => event?.message?.['method'],
  );
  assert.deepEqual(
    methods,
    ['tools', 'prompts', 'resources'].map((list) => `notifications/${list}/list_changed`),
  );
  await touched(session, 'two');
  assert.match(JSON.stringify(await second.next()), /two\+note/);
  await second.cut();
  await postern.applyPolicy(ALLOW_ALL);
});

/** Before a server is heard on the session's stream, what it says comes with its answer. */
async function touched(session: Session, server: string): Promise<void> {
  let id = 100;
  await until(`${server} is heard`, async () => {
    const call = await read(tool(id++, `${server}__touch`, { uri: 'note://one' }), session);
    return !JSON.stringify(await call.rest()).includes('updated');
  });
}

async function callsInFlight(): Promise<number> {
  const status = (await (await fetch(postern.admin)).json()) as { calls_in_flight: number };
  return status.calls_in_flight;
}
