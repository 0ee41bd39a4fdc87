import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { TlsLink } from '#crypto';
import { groupByName } from '#crypto';
import { ALICE, ALLOW, Connection, enter, message, policyWithout } from './clients.fixture.ts';
import { resume, session, storeWith } from './clients.fixture.ts';

const GONE = { code: 'POSTERN_EVENTS_GONE', httpStatus: 404 };

const WITHOUT_READ = policyWithout('read');

const takesAll = (): null => null;

test('R-16 R-18 an answer that was kept is gone once policy denies what it answers', async () => {
  const store = storeWith();
  const connection = new Connection();
  const { sink } = enter(store, connection, session());
  await sink.event(message('one'), null);
  await sink.event(message('secret'), null);
  sink.endEvents();
  const [lastEventId = ''] = connection.ids;
  store.recheck(ALLOW, takesAll);
  const { connection: again, over } = await resume(store, session(), lastEventId);
  await over;
  assert.deepEqual(again.data, ['"secret"']);
  store.recheck(WITHOUT_READ, takesAll);
  assert.equal(store.bytes, 0);
  assert.throws(() => enter(store, new Connection(), session(), { lastEventId }), GONE);
});

test('R-18 whoever comes back has to be permitted what the kept answer is about', async () => {
  const store = storeWith();
  const connection = new Connection();
  const { sink } = enter(store, connection, session());
  await sink.event(message('secret'), null);
  const [lastEventId = ''] = connection.ids;
  const back = { lastEventId, policy: WITHOUT_READ };
  assert.throws(() => enter(store, new Connection(), session(), back), GONE);
  assert.notEqual(enter(store, new Connection(), session(), { lastEventId }).resumed, null);
  store.stop();
});

test('R-16 R-18 whoever is hearing the rest of a call hears no more once policy denies it', async () => {
  const store = storeWith();
  const connection = new Connection();
  const { sink } = enter(store, connection, session());
  await sink.event(message('one'), null);
  connection.lose();
  const { connection: second, over } = await resume(store, session(), connection.ids[0] ?? '');
  store.recheck(WITHOUT_READ, takesAll);
  await sink.event(message('secret'), null);
  await assert.doesNotReject(over);
  assert.deepEqual(second.data, []);
});

test('R-18 a call ends with its connection once what it is about is denied', async () => {
  const store = storeWith();
  const connection = new Connection();
  const { sink } = enter(store, connection, session());
  await sink.event(message('one'), null);
  store.recheck(WITHOUT_READ, takesAll);
  // It ends under the policy that it began with, but nobody can come back for it.
  await sink.event(message('two'), null);
  assert.deepEqual(connection.data, ['"one"', '"two"']);
  assert.equal(store.bytes, 0);
  connection.lose();
  assert.equal(connection.signal.aborted, true);
});

test('R-13 what a client asked for with a certificate that was revoked is let go of', async () => {
  const store = storeWith();
  const link = (serialNumber: string): TlsLink =>
    ({
      kind: 'tls',
      group: groupByName('X25519MLKEM768'),
      peer: { serialNumber },
    }) as unknown as TlsLink;
  const connections = ['01', '02'].map((serial, id) => {
    const connection = new Connection();
    const who = { ...ALICE, clientLink: link(serial) };
    return { connection, sink: enter(store, connection, session(), { id, who }).sink };
  });
  for (const { sink, connection } of connections) {
    await sink.event(message('one'), null);
    connection.lose();
  }
  store.recheck(ALLOW, ({ serialNumber }) => (serialNumber === '01' ? 'revoked' : null));
  assert.deepEqual(
    connections.map(({ connection }) => connection.signal.aborted),
    [true, false],
  );
  store.stop();
});
