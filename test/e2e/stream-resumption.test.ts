import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import type { StatefulHttp } from '../fixtures/stateful-http.ts';
import { startStatefulHttp } from '../fixtures/stateful-http.ts';
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

/** A gateway that keeps the events of programs, which give them no ids. */
let upstream: StatefulHttp;
let postern: TestPostern;
let relay: Relay;
let link: ReturnType<typeof pqFetch>;
let url: string;

before(async () => {
  upstream = await startStatefulHttp();
  postern = await startTestPostern({
    servers: {
      program: { stdio: programAt('test/fixtures/interruptible-stdio.ts') },
      remote: { http: { url: upstream.url } },
    },
    limits: {
      child_backoff_min_ms: 10,
      drain_timeout_ms: 60_000,
      heartbeat_ms: 1000,
      prime_after_ms: 100,
      session_idle_timeout_ms: 5000,
      upstream_idle_timeout_ms: 5000,
      upstream_session_idle_ms: 5000,
    },
  });
  relay = await startRelay(Number(new URL(postern.endpoint).port));
  url = `https://127.0.0.1:${relay.port}/servers/program/mcp`;
  link = pqFetch(postern);
});
after(async () => {
  await link.close();
  await postern.stop();
  await relay.close();
  await upstream.close();
});

type Session = Awaited<ReturnType<typeof newSession>>;

async function newSession(server = 'program', revision = '2025-11-25') {
  const session = await openSession(link.fetch, postern.url(server), revision);
  return { ...session, 'mcp-protocol-version': revision };
}

const tool = (id: number, name: string, args: object = {}): object =>
  request(id, 'tools/call', { name, arguments: args, _meta: { progressToken: id } });

const quietly = (id: number, name: string): object => request(id, 'tools/call', { name });

const read = (message: object | null, session: object, server = 'program'): Promise<EventReader> =>
  readEvents(link.fetch, postern.url(server), message, { ...session });

const resume = (session: Session, last: ReadEvent | null): Promise<EventReader> =>
  read(null, { ...session, 'last-event-id': last?.id ?? '' });

const textOf = (events: readonly ReadEvent[]): string => JSON.stringify(events.at(-1)?.message);

for (const generation of [1, 2] as const) {
  test(`R-23 SDK ${generation}.x takes a call of a program up again`, async (t) => {
    const transport = http(generation, url, link.fetch);
    const peer = await (generation === 1 ? connectV1 : connectV2)(transport);
    t.after(() => peer.close());
    // Past the cuts: the client does not yet know of them.
    const aside = async (message: object): Promise<void> => {
      const session = { 'mcp-session-id': transport.sessionId ?? '' };
      await send(link.fetch, postern.url('program'), message, session);
    };
    const call = peer.call('resume', {}, { onprogress: () => {} });
    await until('the call has begun', () => peer.progress.length === 1);
    relay.cut();
    await aside(quietly(1001, 'release'));
    assert.match(JSON.stringify(await call), /resumed/);
    assert.deepEqual(
      peer.progress.map(({ progress }) => progress),
      [1, 2, 3],
    );
  });
}

test('R-23 a call that says nothing can be taken up again, and is in the record once', async () => {
  const session = await newSession();
  const call = await read(quietly(1, 'resume'), session);
  const primed = await call.next();
  assert.equal(primed?.message, null);
  assert.notEqual(primed?.id, null);
  await call.cut();
  await send(link.fetch, postern.url('program'), quietly(2, 'release'), session);
  const answer = await (await resume(session, primed)).rest();
  assert.match(textOf(answer), /resumed/);
  const again = await (await resume(session, primed)).rest();
  assert.deepEqual(again, answer);
  const entries = (await postern.record()).filter(({ mcp }) => mcp.rpc_id === 1);
  const resumed = entries.filter(({ mcp }) => mcp.session === entries.at(-1)?.mcp.session);
  assert.deepEqual(
    resumed.map(({ mcp, outcome }) => [mcp.kind, outcome.status]),
    [
      ['request', 'ok'],
      ['replayed', 'ok'],
      ['replayed', 'ok'],
    ],
  );
});

test('R-23 the stream of a session goes on where it was lost', async () => {
  const session = await newSession();
  const grow = (id: number) =>
    send(link.fetch, postern.url('program'), tool(id, 'grow', { name: `tool-${id}` }), session);
  const first = await read(null, session);
  await grow(1);
  const one = await first.next();
  await grow(2);
  const two = await first.next();
  await first.cut();
  const second = await resume(session, one);
  assert.deepEqual(await second.next(), two);
  await grow(3);
  const three = await second.next();
  assert.deepEqual(three?.message, two?.message);
  assert.equal(new Set([one?.id, two?.id, three?.id]).size, 3);
  await second.cut();
});

test('R-23 a client of before 2025-11-25 gets no event without data', async () => {
  const session = await newSession('program', '2025-06-18');
  const call = await read(tool(1, 'resume'), session);
  const begun = await call.next();
  assert.notEqual(begun?.message, null);
  await call.cut();
  await send(link.fetch, postern.url('program'), quietly(2, 'release'), session);
  const events = await (await resume(session, begun)).rest();
  assert.match(textOf(events), /resumed/);
  assert.equal(
    events.every(({ message }) => message !== null),
    true,
  );
});

test('R-18 R-23 an event serves in its own session alone; one that is gone is not found', async () => {
  const [mine, other] = [await newSession(), await newSession()];
  const call = await read(tool(1, 'count', { to: 3 }), mine);
  const [first = null] = await call.rest();
  // In another session the id means nothing; the program ignores it.
  const elsewhere = await resume(other, first);
  assert.equal(elsewhere.status, 200);
  await elsewhere.cut();
  const gone = { ...mine, 'last-event-id': `${first?.id}zzzz` };
  const answer = await send(link.fetch, postern.url('program'), null, gone, 'GET');
  assert.deepEqual([answer.status, errorCodeOf(answer)], [404, -32001]);
});

test('R-10 R-23 many cuts leave nothing behind', async () => {
  const session = await newSession();
  for (let id = 1; id <= 40; id += 1) {
    const call = await read(tool(id, 'count', { to: 5 }), session);
    const begun = await call.next();
    await call.cut();
    const rest = await (await resume(session, begun)).rest();
    assert.match(textOf(rest), /counted to 5/);
  }
  await send(link.fetch, postern.url('program'), null, session, 'DELETE');
  await until('no call is left', async () => {
    const status = (await (await fetch(postern.admin)).json()) as { calls_in_flight: number };
    return status.calls_in_flight === 0;
  });
});

test('R-23 open streams outlast every idle time, and keep their sessions', async () => {
  const [program, remote] = [await newSession(), await newSession('remote')];
  const streams = [await read(null, program), await read(null, remote, 'remote')];
  const heard = streams.map((stream) => stream.next());
  await until('six heartbeats', () => streams.every(({ comments }) => comments >= 6));
  await upstream.touch('note://one');
  await send(link.fetch, postern.url('program'), tool(2, 'touch', { uri: 'note://one' }), program);
  for (const event of await Promise.all(heard)) assert.notEqual(event?.message, null);
  for (const stream of streams) await stream.cut();
});

test('R-23 a program that dies ends its session: the call fails, then nothing is found', async () => {
  const session = await newSession();
  const there = postern.url('program');
  const call = await read(tool(1, 'resume'), session);
  const begun = await call.next();
  await call.cut();
  const died = await send(link.fetch, there, quietly(2, 'die'), session);
  assert.deepEqual([died.status, errorCodeOf(died)], [200, -32603]);
  const later = await send(link.fetch, there, request(3, 'ping'), session);
  assert.deepEqual([later.status, errorCodeOf(later)], [404, -32001]);
  const resuming = { ...session, 'last-event-id': begun?.id ?? '' };
  const rest = await send(link.fetch, there, null, resuming, 'GET');
  assert.equal(rest.status, 404);
});

test('R-18 R-23 a call that goes on without its client ends when policy denies it', async () => {
  const session = await newSession();
  const call = await read(tool(1, 'resume'), session);
  const begun = await call.next();
  await call.cut();
  const deny = { id: 'no', effect: 'deny', principals: ['anonymous'], tools: ['resume'] };
  await postern.applyPolicy({ rules: [deny, ...ALLOW_ALL.rules] });
  // Whoever comes back for it does not get its answer.
  const rest = await resume(session, begun);
  await send(link.fetch, postern.url('program'), quietly(2, 'release'), session);
  await send(link.fetch, postern.url('program'), null, session, 'DELETE');
  assert.deepEqual(await rest.rest(), []);
  await postern.applyPolicy(ALLOW_ALL);
});

test(
  'R-10 R-23 a gateway stops although a call goes on without its client',
  {
    timeout: 30_000,
  },
  async () => {
    const call = await read(tool(1, 'resume'), await newSession());
    await call.next();
    await call.cut();
    await until('nobody is connected to the call', async () => {
      const status = (await (await fetch(postern.admin)).json()) as { calls_in_flight: number };
      return status.calls_in_flight === 1;
    });
    await postern.stop();
  },
);
