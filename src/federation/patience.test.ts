import assert from 'node:assert/strict';
import { test } from 'node:test';
import { until } from '../../test/support/until.ts';
import { Patience } from './patience.ts';

/** A member whose answers the test gives. */
function member(server: string) {
  const asked: PromiseWithResolvers<string>[] = [];
  const heard: string[] = [];
  const question = (key = server) => ({
    asked: server,
    key,
    ask: () => {
      const answer = Promise.withResolvers<string>();
      asked.push(answer);
      return answer.promise;
    },
    onLate: () => void heard.push(key),
  });
  return { asked, heard, question };
}

function quick(server: string) {
  return { asked: server, key: server, ask: () => Promise.resolve(server), onLate: assert.fail };
}

test('R-23 a silent member is not waited for beyond the deadline, nor again until it has answered', async () => {
  const patience = new Patience({ deadlineMs: 20, lanes: 4 });
  const slow = member('slow');
  const first = await patience.askAll([quick('a'), slow.question(), quick('b')]);
  assert.deepEqual(
    first.map(({ kind }) => kind),
    ['answered', 'late', 'answered'],
  );
  // With a deadline that never ends, waiting would never end either.
  assert.deepEqual(await patience.askAll([slow.question()]), [{ kind: 'late' }]);
  assert.equal(slow.asked.length, 1, 'it has the question once');
  slow.asked[0]?.resolve('at last');
  await until('whoever asked is told', () => slow.heard.length === 1);
  const again = patience.askAll([slow.question()]);
  slow.asked[1]?.resolve('in time');
  assert.deepEqual(await again, [{ kind: 'answered', value: 'in time' }]);
  assert.equal(slow.heard.length, 1);
});

test('R-23 another caller’s question to a late member is asked, and not waited for', async () => {
  const patience = new Patience({ deadlineMs: 10, lanes: 4 });
  const slow = member('slow');
  await patience.askAll([slow.question('alice')]);
  assert.deepEqual(await patience.askAll([slow.question('bob')]), [{ kind: 'late' }]);
  assert.equal(slow.asked.length, 2);
  for (const { resolve } of slow.asked) resolve('here');
  await until('both are told', () => slow.heard.length === 2);
});

test('R-23 a member that fails at once is asked again each time; one that was given up on stays late', async () => {
  const patience = new Patience({ deadlineMs: 10, lanes: 4 });
  const failing = { ...quick('dead'), ask: () => Promise.reject(new Error('refused')) };
  for (let round = 0; round < 2; round += 1) {
    const [outcome] = await patience.askAll([failing]);
    assert.equal(outcome?.kind, 'failed');
  }
  const slow = member('slow');
  await patience.askAll([slow.question()]);
  slow.asked[0]?.reject(new Error('given up'));
  await until('it is asked anew', async () => {
    await patience.askAll([slow.question()]);
    return slow.asked.length === 2;
  });
  assert.deepEqual(slow.heard, []);
});

test('R-25 no more are asked at a time than there are lanes, and silent ones do not hold them', async () => {
  const patience = new Patience({ deadlineMs: 60, lanes: 2 });
  const silent = [member('s1'), member('s2')];
  let atOnce = 0;
  let most = 0;
  const good = Array.from({ length: 30 }, (_, index) => ({
    ...quick(`g${index}`),
    ask: async () => {
      most = Math.max(most, (atOnce += 1));
      await Promise.resolve();
      atOnce -= 1;
      return 'good';
    },
  }));
  const outcomes = await patience.askAll([...silent.map((one) => one.question()), ...good]);
  assert.equal(outcomes.filter(({ kind }) => kind === 'answered').length, good.length);
  assert.ok(most <= 2, `${most} at a time`);
});
