/** The program of the self-check's own process: takes a target from its parent, answers, ends. */
import { messageOf } from '#lib';
import type { SelfCheckTarget } from './self-check.ts';
import { selfCheck } from './self-check.ts';

process.once('message', (target: SelfCheckTarget) => {
  void answer(target);
});
// The parent is gone: nobody wants the answer.
process.once('disconnect', () => process.exit());

async function answer(target: SelfCheckTarget): Promise<void> {
  const result = await check(target);
  process.send?.(result, () => process.disconnect?.());
}

async function check(target: SelfCheckTarget) {
  try {
    return { check: await selfCheck(target) };
  } catch (thrown) {
    return { problem: messageOf(thrown) };
  }
}
