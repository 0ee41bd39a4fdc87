import assert from 'node:assert/strict';
import { test } from 'node:test';
import { DEFAULT_LIMITS } from '#lib';
import type { ReplySink } from '#pipeline';
import { formatEvent } from '#transport';
import { RelaySink } from './relay-sink.ts';

/** What a client sees. */
function client() {
  const seen: unknown[] = [];
  const sink: ReplySink = {
    started: false,
    json: (status) => seen.push(status),
    empty: (status) => seen.push(status),
    openEvents: () => undefined,
    event: async (wire) => {
      await Promise.resolve();
      seen.push(JSON.parse(wire.toString().replace('event: message\ndata: ', '')));
    },
    endEvents: () => undefined,
    abort: () => undefined,
  };
  return { seen, sink };
}

const inbound = { answer: (bytes: Buffer) => bytes, aside: () => null };

test('R-18 R-23 a server cannot answer what another one was asked', async () => {
  const { seen, sink } = client();
  const relay = new RelaySink(sink, { id: 6, inbound, limits: DEFAULT_LIMITS });
  relay.openEvents();
  for (const id of [5, '6', null, 6]) {
    const forged = { jsonrpc: '2.0', id, error: { code: 1, message: 'x' } };
    await relay.event(formatEvent(Buffer.from(JSON.stringify(forged))));
    assert.equal(relay.answered, id === 6);
  }
  assert.deepEqual(
    seen.map((message) => (message as { id: unknown }).id),
    [6],
  );
});

test('R-23 a server that has lost its session does not end the client’s', () => {
  const limits = DEFAULT_LIMITS;
  const statuses = [404, 202, 404].map((status, index) => {
    const { seen, sink } = client();
    const relay = new RelaySink(sink, { inbound, limits, inSession: index < 2 });
    relay.empty(status);
    relay.json(status, { sessionId: null }, Buffer.from('{}'));
    return seen;
  });
  assert.deepEqual(statuses, [
    [502, 502],
    [202, 202],
    [404, 404],
  ]);
});
