/** `npm run bench`: measures the gateway beside what else could stand in its place. */
import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { closeBench, openBench } from './bench.ts';
import type { Case } from './cases.ts';
import { CASES } from './cases.ts';
import { stopAll } from './children.ts';
import type { Times } from './load/plan.ts';
import { renderDocument } from './report/document.ts';
import { renderText } from './report/text.ts';
import type { Results } from './results.ts';
import { hasErrors } from './results.ts';
import type { Progress } from './run.ts';
import { runAll } from './run.ts';

const ROOT = join(import.meta.dirname, '..');
const RESULTS = join(import.meta.dirname, 'results');
const DOCUMENT = join(ROOT, 'docs/benchmarks.md');

const FULL: Times = { warmUpMs: 12_000, warmUpCalls: 20_000, windowMs: 5000 };
const QUICK: Times = { warmUpMs: 1000, warmUpCalls: 1000, windowMs: 1000 };
const ROUNDS = 5;

const HELP = `Usage: npm run bench -- [options]

Measures calls per second, latency and CPU time of Postern and of what it is compared with.
A full run takes about forty minutes, and writes docs/benchmarks.md; keep the machine idle meanwhile.

Options:
  --case <name>   run this case alone; may be given more than once
  --rounds <n>    rounds over all cases (default ${ROUNDS})
  --quick         one short round, to see that everything runs
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
    await keep(results, options);
    console.log(options.json ? JSON.stringify(results, null, 2) : renderText(results));
    return hasErrors(results) ? 1 : 0;
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
  /** Complete enough to be published. */
  readonly full: boolean;
}

function readOptions(): Options {
  const { values } = parseArgs({
    options: {
      case: { type: 'string', multiple: true },
      rounds: { type: 'string' },
      quick: { type: 'boolean', default: false },
      json: { type: 'boolean', default: false },
      help: { type: 'boolean', default: false },
    },
  });
  const names = values.case ?? [];
  const unknown = names.find((name) => !CASES.some((each) => each.name === name));
  if (unknown !== undefined) throw new Error(`there is no case "${unknown}"`);
  const rounds = Number(values.rounds ?? (values.quick ? 1 : ROUNDS));
  if (!Number.isInteger(rounds) || rounds < 1) throw new Error('--rounds takes a whole number');
  return {
    help: values.help,
    json: values.json,
    cases: CASES.filter(({ name }) => names.length === 0 || names.includes(name)),
    rounds,
    times: values.quick ? QUICK : FULL,
    full: names.length === 0 && !values.quick,
  };
}

/** Why nothing can be measured here, `null` when it can. */
function unsuitable(): string | null {
  if (process.platform !== 'linux') return 'CPU time is read from /proc: this needs Linux.';
  const [major = 0, minor = 0] = process.versions.openssl.split('.').map(Number);
  if (major > 3 || (major === 3 && minor >= 5)) return null;
  return 'This Node.js has no ML-KEM and ML-DSA. Start with `npm run bench`, which uses the right one.';
}

async function keep(results: Results, { full }: Options): Promise<void> {
  await mkdir(RESULTS, { recursive: true });
  const name = `${results.startedAt.replaceAll(/[:.]/g, '-')}.json`;
  await writeFile(join(RESULTS, name), `${JSON.stringify(results, null, 2)}\n`);
  if (!full) return;
  if (hasErrors(results)) console.error('There were errors: docs/benchmarks.md stays as it was.');
  else await writeFile(DOCUMENT, renderDocument(results, await otherSections()));
}

/** The sections that are not of this benchmark: what other commands have measured. */
async function otherSections(): Promise<string> {
  const document = await readFile(DOCUMENT, 'utf8');
  return /^## Reading messages\n.*?(?=\n\n## Notes\n)/ms.exec(document)?.[0] ?? '';
}

/** Experimental is what Node.js calls ML-DSA in WebCrypto, which makes the certificates. */
function hideExperimentalWarnings(): void {
  const shown = process.listeners('warning');
  process.removeAllListeners('warning');
  process.on('warning', (warning) => {
    if (warning.name === 'ExperimentalWarning') return;
    for (const listener of shown) listener.call(process, warning);
  });
}

/** Lines on a terminal's stderr; elsewhere nothing. */
function progress(): Progress {
  if (!process.stderr.isTTY) return { begins: () => undefined, ended: () => undefined };
  return {
    begins: (what) => process.stderr.write(`${what} … `),
    ended: (outcome) => process.stderr.write(`${outcome}\n`),
  };
}

/** Ends every process at a signal, which fails what is being measured; the reason is an exit code. */
function interruptOnSignal(): AbortSignal {
  const controller = new AbortController();
  const signals = { SIGINT: 130, SIGTERM: 143, SIGHUP: 129 };
  for (const [name, exitCode] of Object.entries(signals)) {
    process.on(name, () => {
      controller.abort(exitCode);
      void stopAll();
    });
  }
  return controller.signal;
}
