/** `npm run overload`: what the gateway does at three times the load that it can bear. */
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { closeBench, openBench } from '../bench.ts';
import { start, stopAll } from '../children.ts';
import { describeMachine } from '../machine.ts';
import { startPosternSubject } from '../subjects/postern.ts';
import type { OverloadPlan, Step, StepReport } from './plan.ts';
import { renderReport } from './report.ts';

const HELP = `Usage: npm run overload -- [options]

Finds out how many calls a second the gateway bears (PQ TLS on both hops, durable record), then offers
half of it, a multiple of it, and half again; prints what became of the calls, and the gateway's memory.

Options:
  --seconds <n>      of overload (default 300)
  --load <n>         times the bearable load (default 3)
  --connections <n>  of the client (default 2048)
  --plain            without TLS
  --json             print the results as JSON
  --help             print this
`;

/** Parts of a run beside the overload, in seconds. */
const WARM_UP = 10;
const HALF_LOAD = 15;
const RECOVERY = 10;

const { values } = parseArgs({
  options: {
    seconds: { type: 'string', default: '300' },
    load: { type: 'string', default: '3' },
    connections: { type: 'string', default: '2048' },
    plain: { type: 'boolean', default: false },
    json: { type: 'boolean', default: false },
    help: { type: 'boolean', default: false },
  },
});
if (values.help) console.log(HELP);
else await main();

async function main(): Promise<void> {
  process.removeAllListeners('warning');
  for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => void stopAll());
  const bench = await openBench();
  try {
    const link = values.plain ? 'plain' : 'pq';
    const { subject, postern } = await startPosternSubject(bench, {
      link,
      server: 'http',
      audit: 'durable',
    });
    const { pid } = postern.child;
    const plan: OverloadPlan = {
      target: subject.target,
      connections: Number(values.connections),
      steps: stepsOf(Number(values.load), Number(values.seconds)),
      pid,
    };
    const generator = start(
      process.execPath,
      [fileURLToPath(import.meta.resolve('./generator.ts'))],
      { core: bench.cores.generator, input: JSON.stringify(plan) },
    );
    const reports = JSON.parse(await generator.output()) as readonly StepReport[];
    await subject.stop();
    const machine = describeMachine(bench.cores);
    console.log(
      values.json ? JSON.stringify({ machine, reports }, null, 2) : renderReport(reports),
    );
  } finally {
    await stopAll();
    await closeBench(bench);
  }
}

function stepsOf(load: number, seconds: number): readonly Step[] {
  return [
    { name: 'warm-up', seconds: WARM_UP, load: null },
    { name: 'bearable', seconds: WARM_UP, load: null },
    { name: 'half of it', seconds: HALF_LOAD, load: 0.5 },
    { name: `${load} times`, seconds, load },
    { name: 'after it, half', seconds: RECOVERY, load: 0.5 },
  ];
}
