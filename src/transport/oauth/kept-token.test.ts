import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { TestContext } from 'node:test';
import type { AccessToken } from './access-token.ts';
import { KeptToken } from './kept-token.ts';

const LIFE_MS = 100_000;

interface Fixture {
  readonly kept: KeptToken;
  readonly asked: () => number;
  readonly told: string[];
  readonly pass: (ms: number) => void;
  /** What asking fails with from now on, `null` when it does not. */
  readonly failWith: (reason: Error | null) => void;
  /** Lets what was asked come in. */
  readonly settle: () => Promise<void>;
}

/** A token of 100 s, numbered, on a clock that stands still. */
function fixture(t: TestContext): Fixture {
  t.mock.timers.enable({ apis: ['Date'], now: 1_000_000 });
  let asked = 0;
  let reason: Error | null = null;
  const told: string[] = [];
  const kept = new KeptToken({
    ask: async () => {
      asked += 1;
      const gotAtMs = Date.now();
      const value = String(asked);
      if (reason !== null) throw reason;
      return { value, gotAtMs, expiresAtMs: gotAtMs + LIFE_MS };
    },
    onChange: () => told.push('change'),
    onTrouble: (_thrown, inForce) => told.push(inForce ? 'trouble' : 'none'),
    random: () => 0,
  });
  return {
    kept,
    asked: () => asked,
    told,
    pass: (ms) => t.mock.timers.tick(ms),
    failWith: (thrown) => {
      reason = thrown;
    },
    settle: () => kept.settled(),
  };
}

async function valueOf(token: AccessToken | Promise<AccessToken>): Promise<string> {
  return (await token).value;
}

test('R-21 a token is asked for once for all who wait, and again before it ends', async (t) => {
  const { kept, asked, pass, settle, told } = fixture(t);
  const all = await Promise.all(Array.from({ length: 50 }, () => valueOf(kept.current())));
  assert.deepEqual(new Set(all), new Set(['1']));
  pass(0.69 * LIFE_MS);
  assert.equal(await valueOf(kept.current()), '1');
  assert.equal(asked(), 1);
  pass(0.02 * LIFE_MS);
  const now = kept.current();
  assert.ok(!(now instanceof Promise), 'nobody waits for the next');
  assert.equal(now.value, '1');
  await settle();
  assert.equal(await valueOf(kept.current()), '2');
  pass(LIFE_MS);
  assert.ok(kept.current() instanceof Promise, 'one that has ended is not used');
  await settle();
  assert.deepEqual(told, ['change', 'change', 'change']);
});

test('R-10 while none can be had the old one serves as long as it is valid', async (t) => {
  const { kept, asked, pass, settle, told, failWith } = fixture(t);
  await kept.current();
  failWith(new Error('out of order'));
  pass(0.71 * LIFE_MS);
  assert.equal(await valueOf(kept.current()), '1');
  await settle();
  assert.equal(await valueOf(kept.current()), '1');
  assert.equal(asked(), 2, 'not again at once');
  pass(1000);
  assert.equal(await valueOf(kept.current()), '1');
  await settle();
  assert.equal(asked(), 3);
  pass(0.19 * LIFE_MS);
  await assert.rejects(async () => kept.current(), /out of order/);
  await assert.rejects(async () => kept.current(), /out of order/);
  assert.equal(asked(), 4);
  failWith(null);
  pass(60_000);
  assert.equal(await valueOf(kept.current()), '5');
  assert.deepEqual(told, ['change', 'trouble', 'trouble', 'none', 'change']);
});

test('R-21 a token that a server refuses is replaced once, and a new one that it refuses is not', async (t) => {
  const { kept, asked, pass } = fixture(t);
  const first = await kept.current();
  assert.equal(await kept.replace(first), null, 'it has only just been issued');
  pass(10_000);
  const refusals = Array.from({ length: 50 }, () => kept.replace(first));
  const others = await Promise.all(refusals);
  assert.deepEqual(new Set(others.map((other) => other?.value)), new Set(['2']));
  assert.equal(asked(), 2);
  assert.equal((await kept.replace(first))?.value, '2', 'others have replaced it already');
  const second = others[0];
  assert.ok(second);
  assert.equal(await kept.replace(second), null);
  assert.equal(asked(), 2);
});

test('a token that cannot be replaced leaves the refusal to be told', async (t) => {
  const { kept, pass, failWith } = fixture(t);
  const first = await kept.current();
  pass(10_000);
  failWith(new Error('out of order'));
  assert.equal(await kept.replace(first), null);
});
