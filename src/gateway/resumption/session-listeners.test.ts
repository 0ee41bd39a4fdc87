import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Connection } from './clients.fixture.ts';
import { SessionListeners } from './session-listeners.ts';

test('R-23 a stream that a later one ended stays open until the later one is over', () => {
  const listeners = new SessionListeners();
  const [first, second] = [new Connection(), new Connection()];
  const one = listeners.enter('a', first, first.signal);
  const two = listeners.enter('a', second, second.signal);
  one.endEvents();
  assert.equal(first.state, 'open');
  two.endEvents();
  assert.deepEqual([first.state, second.state], ['ended', 'ended']);
});

test('R-23 a later stream that is refused, cut or left by its client lets the other one end too', () => {
  const ends: ((connection: Connection, sink: Connection | ReturnType<typeof enter>) => void)[] = [
    (_, sink) => sink.json(404, { sessionId: null }, Buffer.from('{}')),
    (_, sink) => sink.empty(405, { sessionId: null }),
    (_, sink) => sink.abort(),
    (connection) => connection.lose(),
  ];
  const enter = (listeners: SessionListeners, connection: Connection, token = 'a') =>
    listeners.enter(token, connection, connection.signal);
  for (const end of ends) {
    const listeners = new SessionListeners();
    const [first, second, other] = [new Connection(), new Connection(), new Connection()];
    const one = enter(listeners, first);
    const two = enter(listeners, second);
    enter(listeners, other, 'b');
    one.endEvents();
    end(second, two);
    assert.deepEqual([first.state, other.state], ['ended', 'open']);
  }
});

test('R-13 a stream that is held ends with its client, and no more are held than a few', () => {
  const listeners = new SessionListeners();
  const connections = Array.from({ length: 6 }, () => new Connection());
  const sinks = connections.map((connection) =>
    listeners.enter('a', connection, connection.signal),
  );
  for (const sink of sinks.slice(0, 5)) sink.endEvents();
  const states = (): readonly string[] => connections.map(({ state }) => state);
  assert.deepEqual(states(), ['ended', 'open', 'open', 'open', 'open', 'open']);
  connections[2]?.lose();
  assert.equal(connections[5]?.state, 'open');
  sinks[5]?.endEvents();
  assert.deepEqual(states().toSpliced(2, 1), ['ended', 'ended', 'ended', 'ended', 'ended']);
});
