/**
 * The generator of the overload measurement, a process of its own: takes an {@link OverloadPlan} as JSON
 * on stdin, carries it out and prints a {@link StepReport} for each step as JSON.
 */
import { readFileSync } from 'node:fs';
import { json } from 'node:stream/consumers';
import { Calls } from '../load/calls.ts';
import { ANSWER_BYTES } from '../load/plan.ts';
import { nowUs } from '../load/window.ts';
import { dialLanes, Load } from './load.ts';
import type { OverloadPlan, Step, StepReport } from './plan.ts';

const SETTLE_MS = 500;
const RSS_MS = 200;

try {
  const plan = (await json(process.stdin)) as OverloadPlan;
  console.log(JSON.stringify(await carryOut(plan)));
} catch (error) {
  console.error(error);
  process.exitCode = 1;
}

async function carryOut(plan: OverloadPlan): Promise<readonly StepReport[]> {
  const calls = new Calls(plan.target, {
    revision: '2025-11-25',
    session: 'never',
    requestBytes: 300,
    answer: 'padded',
    tool: 'echo',
    answerBytes: ANSWER_BYTES,
  });
  const lanes = await dialLanes(plan, calls);
  const reports: StepReport[] = [];
  let sustainable = 0;
  for (const step of plan.steps) {
    const load = new Load(lanes, calls);
    const memory = watchRss(plan.pid);
    const startedAt = nowUs();
    if (step.load === null) await load.closed(step.seconds * 1000);
    else await load.open(sustainable * step.load, step.seconds);
    const seconds = (nowUs() - startedAt) / 1e6;
    if (step.load === null) sustainable = load.tally.served / seconds;
    const rate = step.load === null ? sustainable : sustainable * step.load;
    reports.push({ name: step.name, rate, ...load.tally.report(), rss: memory.stop() });
    // What is still under way counts for the step in which it was sent; the next one begins without.
    if (!followsAtOnce(plan.steps, step)) await load.idle(SETTLE_MS);
  }
  for (const { connection } of lanes) connection.close();
  return reports;
}

/** The recovery is measured from the very end of the overload. */
function followsAtOnce(steps: readonly Step[], step: Step): boolean {
  return (steps[steps.indexOf(step) + 1]?.name ?? '').startsWith('after');
}

function watchRss(pid: number): { stop(): StepReport['rss'] } {
  let most = 0;
  const look = (): number => {
    const pages = Number(readFileSync(`/proc/${pid}/statm`, 'utf8').split(' ')[1]);
    most = Math.max(most, pages * 4096);
    return pages * 4096;
  };
  const timer = setInterval(look, RSS_MS);
  return {
    stop: () => {
      clearInterval(timer);
      const end = look();
      return { end, most };
    },
  };
}
