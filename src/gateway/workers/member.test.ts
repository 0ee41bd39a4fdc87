import assert from 'node:assert/strict';
import { mock, test } from 'node:test';
import { Worker } from 'node:worker_threads';
import type { MemberHandlers, MemberShare } from './member.ts';
import { Member } from './member.ts';

/** Nothing of it is asked for here. */
const SHARE = {} as MemberShare;

test('R-05 a worker that answers nothing for long is ended', async (t) => {
  const ended = Promise.withResolvers<string>();
  const ignored = (): void => undefined;
  const handlers: MemberHandlers = {
    onEvent: ignored,
    onUnfit: ignored,
    onCounts: ignored,
    onRecordFailed: ignored,
    onEnd: (why) => ended.resolve(why),
  };
  const thread = new Worker('for (;;);', { eval: true });
  t.after(() => thread.terminate());
  const member = new Member(1, thread, SHARE, handlers);
  const begun = Math.trunc(performance.now());
  let nowMs = begun;
  mock.method(performance, 'now', () => nowMs);
  t.after(() => mock.restoreAll());
  const answers = Array.from({ length: 10 }, () => member.ask());
  nowMs = begun + 29_000;
  answers.push(member.ask());
  const patience = Promise.race([ended.promise, Promise.resolve('it still runs')]);
  assert.equal(await patience, 'it still runs');
  nowMs = begun + 30_000;
  answers.push(member.ask());
  assert.equal(await ended.promise, 'it has answered nothing for 30 s');
  assert.deepEqual(new Set(await Promise.all(answers)), new Set([null]));
});
