import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Connection, enter, message, resume, session, storeWith } from './clients.fixture.ts';

const GONE = { code: 'POSTERN_EVENTS_GONE', httpStatus: 404 };

/** What is permitted until it is not. */
function permission(): { readonly permitted: () => boolean; withdraw: () => void } {
  let still = true;
  return {
    permitted: () => still,
    withdraw: () => {
      still = false;
    },
  };
}

test('R-16 R-18 an answer that was kept is gone once policy denies what it answers', async () => {
  const store = storeWith();
  const connection = new Connection();
  const { permitted, withdraw } = permission();
  const { sink } = enter(store, connection, session(), { permitted });
  await sink.event(message('one'), null);
  await sink.event(message('secret'), null);
  sink.endEvents();
  const [lastEventId = ''] = connection.ids;
  store.recheck();
  const { connection: again, over } = await resume(store, session(), lastEventId);
  await over;
  assert.deepEqual(again.data, ['"secret"']);
  withdraw();
  assert.throws(() => enter(store, new Connection(), session(), { lastEventId }), GONE);
  store.recheck();
  assert.equal(store.bytes, 0);
  assert.throws(() => enter(store, new Connection(), session(), { lastEventId }), GONE);
});

test('R-16 R-18 whoever is hearing the rest of a call hears no more once policy denies it', async () => {
  const store = storeWith();
  const connection = new Connection();
  const { permitted, withdraw } = permission();
  const { sink } = enter(store, connection, session(), { permitted });
  await sink.event(message('one'), null);
  connection.lose();
  const { connection: second, over } = await resume(store, session(), connection.ids[0] ?? '');
  withdraw();
  store.recheck();
  await sink.event(message('secret'), null);
  await over;
  assert.deepEqual(second.data, []);
});

test('R-13 R-18 a call ends with its connection once what it is about is not permitted', async () => {
  for (const rechecked of [true, false]) {
    const store = storeWith();
    const connection = new Connection();
    const { permitted, withdraw } = permission();
    const { sink } = enter(store, connection, session(), { permitted });
    await sink.event(message('one'), null);
    withdraw();
    if (rechecked) store.recheck();
    // It ends under the policy that it began with, but nobody can come back for it.
    await sink.event(message('two'), null);
    assert.deepEqual(connection.data, ['"one"', '"two"']);
    connection.lose();
    assert.equal(connection.signal.aborted, true);
  }
});

test('R-13 R-16 a call that nobody is connected to ends when it is not permitted any more', async () => {
  const store = storeWith();
  const { permitted, withdraw } = permission();
  const connections = [new Connection(), new Connection()];
  for (const [id, connection] of connections.entries()) {
    const { sink } = enter(store, connection, session(), id === 0 ? { id, permitted } : { id });
    await sink.event(message('one'), null);
    connection.lose();
  }
  withdraw();
  store.recheck();
  assert.deepEqual(
    connections.map(({ signal }) => signal.aborted),
    [true, false],
  );
  store.stop();
});
