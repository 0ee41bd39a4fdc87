import assert from 'node:assert/strict';
import { setImmediate as turn } from 'node:timers/promises';
import { test } from 'node:test';
import fc from 'fast-check';
import type { ReplySink, Session } from '#pipeline';
import { formatEvent } from '#transport';
import { until } from '../../../test/support/until.ts';
import { Connection, enter, message, resume, session, storeWith } from './clients.fixture.ts';

const GONE = { code: 'POSTERN_EVENTS_GONE', httpStatus: 404 };

test('R-23 a call whose client is lost goes on, and the client gets the rest', async () => {
  const store = storeWith();
  const first = new Connection();
  const { sink } = enter(store, first, session());
  sink.openEvents({ sessionId: null });
  await sink.event(message('one'), null);
  await sink.event(Buffer.from(': keep-alive\n\n'));
  first.lose();
  assert.equal(first.signal.aborted, false);
  await sink.event(message('two'), null);
  const { connection, over } = await resume(store, session(), first.ids[0] ?? '');
  assert.deepEqual(connection.data, ['"two"']);
  await sink.event(message('three'), null);
  sink.endEvents();
  await over;
  assert.deepEqual(connection.data, ['"two"', '"three"']);
  assert.equal(connection.state, 'ended');
  assert.equal(new Set([...first.ids, ...connection.ids]).size, 3);
  const again = await resume(store, session(), connection.ids[0] ?? '');
  await again.over;
  assert.deepEqual(again.connection.data, ['"three"']);
});

test('R-23 a silent call is primed, in the revisions that know it; its answer is then an event', async () => {
  const store = storeWith({ primeAfterMs: 10 });
  const connection = new Connection();
  const { sink } = enter(store, connection, session());
  const older = new Connection();
  const olderSink = enter(store, older, session(), { id: 2, revision: '2025-06-18' }).sink;
  await until('it is primed', () => connection.sent.length === 1);
  assert.match(connection.sent[0] ?? '', /^id: \S+\nretry: \d+\ndata: \n\n$/);
  assert.equal(sink.started, false);
  connection.lose();
  sink.json(200, { sessionId: null }, Buffer.from('{"answer":1}'));
  const { connection: later, over } = await resume(store, session(), connection.ids[0] ?? '');
  await over;
  assert.deepEqual(later.data, ['{"answer":1}']);
  olderSink.json(200, { sessionId: null }, Buffer.from('{}'));
  assert.deepEqual(older.sent, ['200 {}']);
});

test('R-23 a client that has nothing to come back with ends its call', () => {
  const store = storeWith();
  const connection = new Connection();
  enter(store, connection, session());
  connection.lose();
  assert.equal(connection.signal.aborted, true);
});

test('R-23 events with ids of the server’s own are the server’s to keep', async () => {
  const store = storeWith({ primeAfterMs: 10 });
  const connection = new Connection();
  const { sink } = enter(store, connection, session());
  sink.openEvents({ sessionId: null });
  const theirs = formatEvent(Buffer.from('"one"'), 'e1');
  await sink.event(theirs, 'e1');
  await sink.event(message('two'), null);
  assert.deepEqual(connection.sent, [String(theirs), String(message('two'))]);
  connection.lose();
  assert.equal(connection.signal.aborted, true);
  assert.equal(store.bytes, 0);
  const entered = enter(store, new Connection(), session(), { lastEventId: 'e1' });
  assert.equal(entered.resumed, null);
});

test('R-18 ids of events serve in their own session alone', async () => {
  const store = storeWith();
  const connection = new Connection();
  const { sink } = enter(store, connection, session());
  await sink.event(message('secret'), null);
  const [lastEventId = ''] = connection.ids;
  const other = session('token-2', 'bob');
  assert.equal(enter(store, new Connection(), other, { lastEventId }).resumed, null);
  const elsewhere = storeWith();
  const gone = (id: string) => () =>
    enter(elsewhere, new Connection(), session(), { lastEventId: id });
  assert.throws(gone(lastEventId), GONE);
  for (const odd of ['.', '.1', '.1.x', '.1.-1', '.1.zzzzzz']) {
    assert.throws(gone(`${lastEventId.split('.')[0]}.${lastEventId.split('.')[1]}${odd}`), GONE);
  }
});

test('R-23 whoever comes back later takes the stream over', async () => {
  const store = storeWith();
  const first = new Connection();
  const { sink } = enter(store, first, session());
  await sink.event(message('one'), null);
  // Half open: the first connection is not known to be lost.
  const second = await resume(store, session(), first.ids[0] ?? '');
  assert.equal(first.state, 'lost');
  assert.equal(first.signal.aborted, false);
  const third = await resume(store, session(), first.ids[0] ?? '');
  await second.over;
  await Promise.all([sink.event(message('two'), null), turn()]);
  assert.deepEqual(first.data, ['"one"']);
  assert.deepEqual(second.connection.data, []);
  assert.deepEqual(third.connection.data, ['"two"']);
  sink.endEvents();
  await third.over;
});

test('R-23 the session’s own stream goes on under the ids of before', async () => {
  const store = storeWith();
  const first = new Connection();
  const { sink } = enter(store, first, session(), { lastEventId: 'none' });
  await sink.event(message('one'), null);
  await sink.event(message('two'), null);
  first.lose();
  assert.equal(first.signal.aborted, true);
  sink.endEvents();
  const second = new Connection();
  const lastEventId = first.ids[0] ?? '';
  const entered = enter(store, second, session(), { lastEventId });
  assert.equal(entered.resumed?.listens, true);
  for await (const event of entered.resumed?.events ?? []) {
    await entered.sink.event(event.wire, event.id);
  }
  await entered.sink.event(message('three'), null);
  assert.deepEqual(second.data, ['"two"', '"three"']);
  assert.equal(new Set([...first.ids, ...second.ids]).size, 3);
});

test('R-23 what is too much, too old or of an ended session goes', async () => {
  const store = storeWith({ maxStoredEventsPerStream: 3, resumeWindowMs: 40 });
  const connection = new Connection();
  const { sink } = enter(store, connection, session());
  for (const text of ['1', '2', '3', '4', '5']) await sink.event(message(text), null);
  const [one = '', two = '', , , five = ''] = connection.ids;
  assert.throws(() => enter(store, new Connection(), session(), { lastEventId: one }), GONE);
  const late = await resume(store, session(), two);
  assert.deepEqual(late.connection.data, ['"3"', '"4"', '"5"']);
  late.connection.lose();
  await late.over;
  await until('it is forgotten', () => connection.signal.aborted && store.bytes === 0);
  assert.throws(() => enter(store, new Connection(), session(), { lastEventId: five }), GONE);

  const ended = new Connection();
  const next = enter(store, ended, session());
  await next.sink.event(message('1'), null);
  ended.lose();
  store.ended(session());
  assert.equal(ended.signal.aborted, true);
  assert.equal(store.bytes, 0);
});

test('R-10 R-23 a call ends when what its client has missed is no longer kept', async () => {
  const store = storeWith({ maxStoredEventsPerStream: 3 });
  const connection = new Connection();
  const { sink } = enter(store, connection, session());
  for (const text of ['1', '2', '3', '4']) await sink.event(message(text), null);
  const [, , , four = ''] = connection.ids;
  connection.lose();
  for (const text of ['5', '6']) await sink.event(message(text), null);
  const { connection: second, over } = await resume(store, session(), four);
  assert.deepEqual(second.data, ['"5"', '"6"']);
  second.lose();
  for (const text of ['7', '8', '9']) await sink.event(message(text), null);
  await over;
  assert.equal(connection.signal.aborted, false);
  await sink.event(message('10'), null);
  assert.equal(connection.signal.aborted, true);
  assert.equal(store.bytes, 0);
  assert.throws(() => enter(store, new Connection(), session(), { lastEventId: four }), GONE);
});

test('R-23 a cancelled call that nobody is connected to ends', async () => {
  const store = storeWith();
  const connections = [new Connection(), new Connection()];
  for (const [id, connection] of connections.entries()) {
    const { sink } = enter(store, connection, session(), { id });
    await sink.event(message('one'), null);
    connection.lose();
  }
  const params = { requestId: 1 };
  const cancel = { method: 'notifications/cancelled', params };
  enter(store, new Connection(), session(), { message: cancel });
  assert.deepEqual(
    connections.map(({ signal }) => signal.aborted),
    [false, true],
  );
  store.stop();
});

test('R-23 whoever has missed nothing of a call that has ended waits, and is not sent away', async () => {
  const store = storeWith();
  const connection = new Connection();
  const { sink } = enter(store, connection, session());
  await sink.event(message('one'), null);
  sink.endEvents();
  const [one = ''] = connection.ids;
  const { connection: second, over } = await resume(store, session(), one);
  let ended = false;
  void over.then(() => (ended = true));
  await turn();
  assert.deepEqual([second.data, ended], [[], false]);
  store.ended(session());
  await over;
  assert.equal(store.bytes, 0);
});

test('R-18 R-23 what is not permitted any more goes to nobody, and its call ends', async () => {
  const store = storeWith();
  const [left, carried] = [new Connection(), new Connection()];
  let allowed = true;
  const permitted = (): boolean => allowed;
  for (const [id, connection] of [left, carried].entries()) {
    const { sink } = enter(store, connection, session(), { id, permitted });
    await sink.event(message('one'), null);
  }
  left.lose();
  store.recheck();
  assert.equal(left.signal.aborted, false);
  allowed = false;
  const [one = ''] = carried.ids;
  assert.throws(() => enter(store, new Connection(), session(), { lastEventId: one }), GONE);
  store.recheck();
  assert.deepEqual([left.signal.aborted, carried.signal.aborted], [true, false]);
  store.stop();
});

test('R-10 whatever is kept stays within its bounds, and nothing is left in the end', async () => {
  const limits = {
    maxStoredEventsPerStream: 4,
    maxStoredBytesPerStream: 2000,
    maxStoredBytesPerSession: 3000,
    maxStoredBytesPerPrincipal: 4000,
    maxStoredBytes: 6000,
  };
  const step = fc.record({
    owner: fc.integer({ min: 0, max: 2 }),
    session: fc.integer({ min: 0, max: 1 }),
    stream: fc.integer({ min: 0, max: 3 }),
    bytes: fc.integer({ min: 0, max: 2500 }),
    end: fc.boolean(),
  });
  await fc.assert(
    fc.asyncProperty(fc.array(step, { maxLength: 60 }), async (steps) => {
      const store = storeWith(limits);
      const sinks = new Map<string, ReplySink>();
      const sessions = new Map<string, Session>();
      for (const { owner, session: number, stream, bytes, end } of steps) {
        const token = `${owner}-${number}`;
        const of = sessions.get(token) ?? session(token, `owner-${owner}`);
        sessions.set(token, of);
        const key = `${token}-${stream}`;
        const sink = sinks.get(key) ?? enter(store, new Connection(), of, { id: stream }).sink;
        sinks.set(key, sink);
        await sink.event(message('x'.repeat(bytes)), null);
        if (end) sink.endEvents();
        if (end) sinks.delete(key);
        assert.ok(store.bytes >= 0 && store.bytes <= limits.maxStoredBytes);
      }
      for (const of of sessions.values()) store.ended(of);
      assert.equal(store.bytes, 0);
    }),
    { numRuns: 60 },
  );
});
