import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { Pace, waterLevel } from './pace.ts';

const MAX_TURN_MS = 25;

/**
 * A gateway as the pace sees it: turns of 10 ms with what came in them to do; work that is left over
 * makes the next ones longer.
 */
class Model {
  readonly pace = new Pace(MAX_TURN_MS, () => this.#utilization());
  now = 0;
  /** Milliseconds of work that wait. */
  backlog = 0;
  /** Calls let in and refused, by caller, since the last {@link count}. */
  admitted: number[] = [];
  refused: number[] = [];
  readonly #costMs: number;
  #owed: number[] = [];
  #tokens: number[] = [];
  #arrived: number[] = [];
  #periodAt = 0;
  #workedMs = 0;
  #passedMs = 0;

  constructor(costMs: number) {
    this.#costMs = costMs;
  }

  /** @param rates calls a second of each caller. */
  run(seconds: number, rates: readonly number[]): this {
    this.admitted = rates.map(() => 0);
    this.refused = rates.map(() => 0);
    const until = this.now + seconds * 1000;
    while (this.now < until) this.#turn(rates);
    return this;
  }

  #turn(rates: readonly number[]): void {
    const turnMs = Math.max(1, this.backlog);
    this.now += turnMs;
    this.#workedMs += this.backlog;
    this.#passedMs += turnMs;
    this.backlog = 0;
    for (const [who, rate] of rates.entries()) this.#arrive(who, (rate * turnMs) / 1000, turnMs);
    this.pace.turn(this.backlog, this.now);
    if (this.now - this.#periodAt < 1000) return;
    this.pace.consider(this.#arrived, this.now - this.#periodAt, this.now);
    this.#arrived = [];
    this.#periodAt = this.now;
  }

  #utilization(): number {
    const part = this.#workedMs / this.#passedMs;
    this.#workedMs = 0;
    this.#passedMs = 0;
    return part;
  }

  #arrive(who: number, calls: number, turnMs: number): void {
    this.#owed[who] = (this.#owed[who] ?? 0) + calls;
    const { level } = this.pace;
    const most = Math.max(1, level / 10);
    this.#tokens[who] = Math.min(most, (this.#tokens[who] ?? 0) + (level * turnMs) / 1000);
    while ((this.#owed[who] ?? 0) >= 1) {
      this.#owed[who] = (this.#owed[who] ?? 0) - 1;
      this.#arrived[who] = (this.#arrived[who] ?? 0) + 1;
      if (level !== Infinity && (this.#tokens[who] ?? 0) < 1) {
        this.refused[who] = (this.refused[who] ?? 0) + 1;
        this.pace.refused(this.now);
        this.backlog += this.#costMs / 5;
      } else {
        if (level !== Infinity) this.#tokens[who] = (this.#tokens[who] ?? 0) - 1;
        this.admitted[who] = (this.admitted[who] ?? 0) + 1;
        this.backlog += this.#costMs;
      }
    }
  }
}

test('R-10 nobody is held back at nine tenths of what the gateway can do', () => {
  const model = new Model(0.5).run(10, [1800]);
  assert.deepEqual(model.refused, [0]);
});

test('R-10 at three times what it can do, what is let in goes fast and is still a good part', () => {
  const model = new Model(0.5).run(20, [6000]);
  model.run(10, [6000]);
  const [admitted = 0] = model.admitted;
  assert.ok(model.backlog <= MAX_TURN_MS, `${model.backlog} ms wait`);
  assert.ok(admitted >= 10 * 0.25 * 2000, `${admitted} of 20000 possible`);
});

test('R-10 within five seconds after that nobody is refused any more', () => {
  const model = new Model(0.5).run(20, [6000]).run(5, [1000]).run(5, [1000]);
  assert.deepEqual(model.refused, [0]);
  assert.equal(model.pace.level, Infinity);
});

test('R-18 callers who want little notice nothing of one who wants too much', () => {
  const model = new Model(0.5).run(5, [20, 20, 6000]).run(10, [20, 20, 6000]);
  const [first, second, greedy = 0] = model.refused;
  assert.deepEqual([first, second], [0, 0]);
  assert.ok(greedy > 30_000);
});

test('R-10 long pauses now and then hold nobody back', () => {
  const pace = new Pace(MAX_TURN_MS, () => 1);
  let now = 0;
  for (let second = 1; second <= 10; second += 1) {
    for (let turn = 0; turn < 20; turn += 1) pace.turn(turn < 8 ? 400 : 3, (now += 50));
    pace.consider([100], 1000, now);
  }
  assert.equal(pace.level, Infinity);
});

test('R-10 turns that are long with no calls to refuse hold nobody back', () => {
  const pace = new Pace(MAX_TURN_MS, () => 1);
  for (let turn = 0; turn < 20; turn += 1) pace.turn(100, turn * 100);
  pace.consider([0, 0], 2000, 2000);
  assert.equal(pace.level, Infinity);
});

test('R-10 bursts with pauses between them hold nobody back', () => {
  const pace = new Pace(MAX_TURN_MS, () => 0.5);
  for (let turn = 0; turn < 20; turn += 1) pace.turn(100, turn * 200);
  pace.consider([100], 4000, 4000);
  assert.equal(pace.level, Infinity);
});

test('the water level gives out what there is, to those with least first', () => {
  assert.equal(waterLevel([1, 2, 9], 12), Infinity);
  assert.equal(waterLevel([1, 2, 9], 9), 6);
  assert.equal(waterLevel([5, 5], 4), 2);
  const demands = fc.array(fc.nat(1000), { minLength: 1, maxLength: 50 });
  fc.assert(
    fc.property(demands, fc.double({ min: 0.01, max: 0.99, noNaN: true }), (each, part) => {
      const all = each.reduce((sum, one) => sum + one, 0);
      const level = waterLevel(each, all * part);
      const given = each.reduce((sum, one) => sum + Math.min(one, level), 0);
      return all === 0 || Math.abs(given - all * part) < 1e-6 * all;
    }),
  );
});
