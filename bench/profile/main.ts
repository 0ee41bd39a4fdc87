/** `npm run profile`: where the CPU time of one case goes, as a table and a flame graph. */
import { copyFile, mkdir, writeFile } from 'node:fs/promises';
import { join, relative } from 'node:path';
import { parseArgs } from 'node:util';
import type { Bench } from '../bench.ts';
import { closeBench, openBench } from '../bench.ts';
import type { Case } from '../case.ts';
import { CASES } from '../cases.ts';
import { stopAll } from '../children.ts';
import type { Times } from '../load/plan.ts';
import { measure } from '../measure.ts';
import { hideExperimentalWarnings, interruptOnSignal, unsuitable } from '../platform.ts';
import { functionTable, stageTable } from '../report/stage-table.ts';
import { renderTable } from '../report/table.ts';
import type { Summary } from '../summary.ts';
import { summarise } from '../summary.ts';
import { flameGraph } from './flame-graph.ts';
import type { Profile } from './profile-case.ts';
import { profileCase } from './profile-case.ts';

const FULL: Times = { warmUpMs: 12_000, warmUpCalls: 20_000, windowMs: 10_000, openMs: 0 };
const QUICK: Times = { warmUpMs: 1000, warmUpCalls: 1000, windowMs: 2000, openMs: 0 };
const SHOWN_FUNCTIONS = 25;
const RESULTS = join(import.meta.dirname, '../results');
const PROFILABLE = CASES.filter(({ profilable }) => profilable);

const HELP = `Usage: npm run profile -- [options]

Measures a case without a profiler and then with V8's, and prints CPU time per stage of a call and per
function. Writes a flame graph (SVG) and the profile itself (.cpuprofile).

Options:
  --case <name>       what to profile (default postern-pq-durable)
  --out <directory>   where to write (default bench/results)
  --quick             short, to see that it runs
  --help              print this

Cases:
${PROFILABLE.map(({ name, title, group }) => `  ${name.padEnd(26)}${group}: ${title}`).join('\n')}
`;

process.exitCode = await main();

async function main(): Promise<number> {
  const { values } = parseArgs({
    options: {
      case: { type: 'string', default: 'postern-pq-durable' },
      out: { type: 'string', default: RESULTS },
      quick: { type: 'boolean', default: false },
      help: { type: 'boolean', default: false },
    },
  });
  if (values.help) {
    console.log(HELP);
    return 0;
  }
  const each = PROFILABLE.find(({ name }) => name === values.case);
  const trouble = each === undefined ? `No case "${values.case}" can be profiled.` : unsuitable();
  if (each === undefined || trouble !== null) {
    console.error(trouble);
    return each === undefined ? 2 : 1;
  }
  hideExperimentalWarnings();
  const bench = await openBench();
  const interrupted = interruptOnSignal();
  try {
    const times = values.quick ? QUICK : FULL;
    const cost = await costOf(bench, each, times);
    interrupted.throwIfAborted();
    const profile = await profileCase(bench, each, times);
    print(profile, cost);
    await write(profile, cost, values.out);
    return 0;
  } catch (error) {
    if (!interrupted.aborted) throw error;
    return interrupted.reason as number;
  } finally {
    await stopAll();
    await closeBench(bench);
  }
}

/** CPU time per call without a profiler. */
async function costOf(bench: Bench, each: Case, times: Times): Promise<Summary> {
  const { name, title, group, baseline } = each;
  const round = await measure(bench, each, times);
  const fixed = { name, title, group, baseline, run: '', skipped: null, failed: null };
  const summary = summarise({ ...fixed, rounds: [round] }, 1);
  if (summary === null) throw new Error('nothing was measured');
  return summary;
}

function print({ name, breakdown, measurement }: Profile, cost: Summary): void {
  const { usPerCall, mainThreadUsPerCall, callsPerSecond, errors } = cost;
  const { calls, seconds } = measurement.report.closed;
  const { functions, callers, samples } = breakdown;
  const top = functions.slice(0, SHOWN_FUNCTIONS);
  console.log(`${name}: ${usPerCall.median.toFixed(1)} µs of CPU per call, ${mainThreadUsPerCall.toFixed(1)} µs of them on the main thread
${Math.round(callsPerSecond)} calls/s, ${Math.round(calls / seconds)} calls/s under the profiler, ${samples} samples, ${errors} errors

Stages of a call
${renderTable(stageTable(breakdown, cost))}

Functions by their own time
${renderTable(functionTable(top, mainThreadUsPerCall))}

Postern's functions by time with what they call
${renderTable(functionTable(callers.slice(0, SHOWN_FUNCTIONS), mainThreadUsPerCall))}
`);
}

async function write({ name, samples, file }: Profile, cost: Summary, out: string): Promise<void> {
  await mkdir(out, { recursive: true });
  const graph = join(out, `profile-${name}.svg`);
  const profile = join(out, `profile-${name}.cpuprofile`);
  const title = `${name}: ${cost.mainThreadUsPerCall.toFixed(1)} µs of the main thread per call`;
  await writeFile(graph, flameGraph(samples, title, cost.mainThreadUsPerCall));
  await copyFile(file, profile);
  const shown = [graph, profile].map((path) => relative(process.cwd(), path));
  console.log(`Flame graph: ${shown[0]}\nProfile:     ${shown[1]}`);
}
