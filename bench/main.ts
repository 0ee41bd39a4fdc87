/** `npm run bench`: measures the gateway beside what else could stand in its place. */
import { awaitPeers } from './await-peers.ts';
import type { Bench } from './bench.ts';
import { closeBench, openBench } from './bench.ts';
import type { Case } from './case.ts';
import { CASES } from './cases.ts';
import { stopAll } from './children.ts';
import type { Options } from './options.ts';
import { HELP, readOptions } from './options.ts';
import { hideExperimentalWarnings, interruptOnSignal, unsuitable } from './platform.ts';
import { keep, publish } from './publish.ts';
import { renderText } from './report/text.ts';
import { hasErrors } from './results.ts';
import type { Progress } from './run.ts';
import { runAll } from './run.ts';
import { startLastingEcho } from './subjects/echo.ts';

const ORDER = CASES.map(({ name }) => name);

process.exitCode = await main();

async function main(): Promise<number> {
  let options: Options;
  try {
    options = readOptions(process.argv.slice(2));
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
    const cases = await casesOf(bench, options, interrupted);
    const results = await runAll(bench, { ...options, cases }, progress(), interrupted);
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

/** The cases to run, those of peers last. */
async function casesOf(
  bench: Bench,
  { cases, peers, upstreamPort }: Options,
  interrupted: AbortSignal,
): Promise<readonly Case[]> {
  if (peers.length === 0) return cases;
  const upstream = await startLastingEcho(bench, upstreamPort);
  return [...cases, ...(await awaitPeers(bench, peers, upstream, interrupted))];
}

/** Lines on a terminal's stderr; elsewhere nothing. */
function progress(): Progress {
  if (!process.stderr.isTTY) return { begins: () => undefined, ended: () => undefined };
  return {
    begins: (what) => process.stderr.write(`${what} … `),
    ended: (outcome) => process.stderr.write(`${outcome}\n`),
  };
}
