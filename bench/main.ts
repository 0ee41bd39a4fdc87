/** `npm run bench`: measures the gateway beside what else could stand in its place. */
import { parseArgs } from 'node:util';
import { closeBench, openBench } from './bench.ts';
import type { Case } from './case.ts';
import { CASES } from './cases.ts';
import { stopAll } from './children.ts';
import type { Times } from './load/plan.ts';
import { hideExperimentalWarnings, interruptOnSignal, unsuitable } from './platform.ts';
import { keep, publish } from './publish.ts';
import { renderText } from './report/text.ts';
import { hasErrors } from './results.ts';
import type { Progress } from './run.ts';
import { runAll } from './run.ts';

const FULL: Times = { warmUpMs: 12_000, warmUpCalls: 20_000, windowMs: 5000, openMs: 5000 };
const QUICK: Times = { warmUpMs: 1000, warmUpCalls: 1000, windowMs: 1000, openMs: 1000 };
const ROUNDS = 5;
const ORDER = CASES.map(({ name }) => name);

const HELP = `Usage: npm run bench -- [options]

Measures calls per second, latency and CPU time of Postern and of what it is compared with.
A full run takes about fifty minutes, and writes docs/benchmarks.md; keep the machine idle meanwhile.

Options:
  --case <name>   run this case alone; may be given more than once
  --rounds <n>    rounds over all cases (default ${ROUNDS})
  --quick         one short round, to see that everything runs
  --publish       rewrite docs/benchmarks.md, its charts and bench/results/published.json; cases
                  that were not measured stay as they are (a run of all cases does so by itself)
  --json          print the results as JSON
  --help          print this

Every run writes its results to bench/results/ as JSON.

Cases:
${CASES.map(({ name, title, group }) => `  ${name.padEnd(26)}${group}: ${title}`).join('\n')}
`;

process.exitCode = await main();

async function main(): Promise<number> {
  let options: Options;
  try {
    options = readOptions();
  } catch (error) {
    console.error(`${(error as Error).message}\nTry: npm run bench -- --help`);
    return 2;
  }
  if (options.help) {
    console.log(HELP);
    return 0;
  }
  const trouble = unsuitable();
  if (trouble !== null) {
    console.error(trouble);
    return 1;
  }
  hideExperimentalWarnings();
  const bench = await openBench();
  const interrupted = interruptOnSignal();
  try {
    const results = await runAll(bench, options, progress(), interrupted);
    await keep(results);
    console.log(options.json ? JSON.stringify(results, null, 2) : renderText(results));
    if (hasErrors(results)) {
      if (options.publish) console.error('There were errors: docs/benchmarks.md stays as it was.');
      return 1;
    }
    if (options.publish) await publish(results, ORDER);
    return 0;
  } catch (error) {
    if (!interrupted.aborted) throw error;
    return interrupted.reason as number;
  } finally {
    await stopAll();
    await closeBench(bench);
  }
}

interface Options {
  readonly help: boolean;
  readonly json: boolean;
  readonly cases: readonly Case[];
  readonly rounds: number;
  readonly times: Times;
  readonly publish: boolean;
}

function readOptions(): Options {
  const { values } = parseArgs({
    options: {
      case: { type: 'string', multiple: true },
      rounds: { type: 'string' },
      quick: { type: 'boolean', default: false },
      publish: { type: 'boolean', default: false },
      json: { type: 'boolean', default: false },
      help: { type: 'boolean', default: false },
    },
  });
  const names = values.case ?? [];
  const unknown = names.find((name) => !CASES.some((each) => each.name === name));
  if (unknown !== undefined) throw new Error(`there is no case "${unknown}"`);
  if (values.quick && values.publish) throw new Error('a quick run is not worth publishing');
  const rounds = Number(values.rounds ?? (values.quick ? 1 : ROUNDS));
  if (!Number.isInteger(rounds) || rounds < 1) throw new Error('--rounds takes a whole number');
  return {
    help: values.help,
    json: values.json,
    cases: CASES.filter(({ name }) => names.length === 0 || names.includes(name)),
    rounds,
    times: values.quick ? QUICK : FULL,
    publish: values.publish || (names.length === 0 && !values.quick),
  };
}

/** Lines on a terminal's stderr; elsewhere nothing. */
function progress(): Progress {
  if (!process.stderr.isTTY) return { begins: () => undefined, ended: () => undefined };
  return {
    begins: (what) => process.stderr.write(`${what} … `),
    ended: (outcome) => process.stderr.write(`${outcome}\n`),
  };
}
