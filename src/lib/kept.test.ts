import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Kept } from './kept.ts';

/** What is read can be set; what is told is written down. */
function keeper() {
  let next: string | Error = 'first';
  const told: string[] = [];
  const kept = new Kept<string>({
    read: async () => {
      if (next instanceof Error) throw next;
      const value = next;
      return { mark: value, make: () => value };
    },
    onChange: () => told.push(`changed to ${String(kept.value)}`),
    onTrouble: (thrown) => told.push(String(thrown)),
  });
  const found = (value: string | Error): Promise<boolean> => {
    next = value;
    return kept.refresh();
  };
  return { kept, found, told };
}

test('what was read last stays in force while reading fails, and each thing is told once', async () => {
  const { kept, found, told } = keeper();
  assert.equal(kept.value, null);
  await kept.start();
  assert.equal(await found('first'), true);
  await found(new Error('torn'));
  assert.equal(await found(new Error('torn')), false);
  assert.equal(kept.value, 'first');
  await found('first');
  await found(new Error('torn'));
  await found('second');
  assert.equal(kept.value, 'second');
  assert.deepEqual(told, ['Error: torn', 'Error: torn', 'changed to second']);
});

test('a first reading that fails is thrown; a later one may bring the first value', async () => {
  const { kept, found, told } = keeper();
  await found(new Error('absent'));
  await assert.rejects(kept.start(), /absent/);
  assert.equal(kept.value, null);
  await found('late');
  assert.deepEqual(told, ['Error: absent', 'changed to late']);
});

test('readings follow one another, so that the newest is what stays', async () => {
  const answers = [Promise.withResolvers<string>(), Promise.withResolvers<string>()];
  let asked = 0;
  const kept = new Kept<string>({
    read: async () => {
      const value = await answers[asked++]?.promise;
      assert.ok(value !== undefined);
      return { mark: value, make: () => value };
    },
    onChange: () => undefined,
    onTrouble: (thrown) => assert.fail(String(thrown)),
  });
  const both = [kept.refresh(), kept.refresh()];
  answers[1]?.resolve('newer');
  answers[0]?.resolve('older');
  await Promise.all(both);
  assert.equal(kept.value, 'newer');
});
