import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { PosternEvent } from '#lib';
import { DEFAULT_LIMITS } from '#lib';
import { until } from '../../../test/support/until.ts';
import { Admission } from './admission.ts';
import { Place } from './place.ts';

const MIB = 1024 * 1024;

function admission(limits: Partial<typeof DEFAULT_LIMITS>) {
  const events: PosternEvent[] = [];
  const shed: string[] = [];
  const parts = {
    limits: { ...DEFAULT_LIMITS, ...limits },
    events: (event: PosternEvent) => void events.push(event),
    meter: {
      call: () => undefined,
      rejected: () => undefined,
      shed: (limit: string) => void shed.push(limit),
    },
  };
  return { gate: new Admission(parts), events, shed };
}

function placeOf(entered: Place | string): Place {
  assert.ok(entered instanceof Place);
  return entered;
}

test('R-18 a caller gets three quarters of the calls, and what it leaves is free again', () => {
  const { gate, shed } = admission({ maxCallsInFlight: 4 });
  const places = [1, 2, 3].map(() => placeOf(gate.enter('alice')));
  assert.equal(gate.enter('alice'), 'max_calls_in_flight');
  const bobs = placeOf(gate.enter('bob'));
  assert.equal(gate.enter('carol'), 'max_calls_in_flight');
  places[0]?.leave();
  places[0]?.leave();
  bobs.leave();
  placeOf(gate.enter('carol'));
  assert.deepEqual(shed, ['max_calls_in_flight', 'max_calls_in_flight']);
  gate.stop();
});

test('R-10 bodies count until their calls have ended, for their caller and for all', () => {
  const { gate } = admission({ maxBodyBytesInFlight: 4 * MIB });
  const [first, second] = [placeOf(gate.enter('alice')), placeOf(gate.enter('alice'))];
  first.take(2 * MIB);
  first.take(MIB);
  const refused = { code: 'POSTERN_OVERLOADED', details: { limit: 'max_body_bytes_in_flight' } };
  assert.throws(() => second.take(1), refused);
  const bobs = placeOf(gate.enter('bob'));
  assert.throws(() => bobs.take(MIB + 1), refused);
  bobs.take(MIB);
  first.leave();
  second.take(2 * MIB);
  gate.stop();
});

test('R-10 answers that nobody reads find no room at some point, which is told', () => {
  const { gate, shed } = admission({ maxAnswerBytesWaiting: 4 * MIB });
  const place = placeOf(gate.enter('alice'));
  assert.ok(place.keep(3 * MIB));
  assert.ok(!placeOf(gate.enter('alice')).keep(1));
  assert.ok(placeOf(gate.enter('bob')).keep(MIB));
  assert.deepEqual(shed, ['max_answer_bytes_waiting']);
  place.leave();
  assert.ok(place.keep(4 * MIB));
  assert.ok(placeOf(gate.enter('alice')).keep(2 * MIB), 'what has left counts no more');
  gate.stop();
});

test('R-24 refusals are told when they begin and when they have ended, not one by one', async () => {
  const { gate, events } = admission({ maxCallsInFlight: 1 });
  placeOf(gate.enter('alice'));
  for (let count = 0; count < 100; count += 1) gate.enter('alice');
  await until('the end is told', () => events.length === 2);
  assert.deepEqual(
    events.map(({ name }) => name),
    ['overload.began', 'overload.ended'],
  );
  assert.deepEqual(events[1]?.fields?.['refused'], { max_calls_in_flight: 100 });
  gate.stop();
});
