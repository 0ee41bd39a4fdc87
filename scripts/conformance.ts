/**
 * Runs the conformance suite with and without Postern and writes docs/conformance.md; with `--check`
 * the page has to be as it stands. Fails when a check is lost.
 */
import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { format, resolveConfig } from 'prettier';
import { CLIENT_SELECTIONS, runClients } from '../test/conformance/client-runs.ts';
import { GAPS } from '../test/conformance/gaps.ts';
import { openPaths } from '../test/conformance/paths.ts';
import { runServers, SERVER_SELECTIONS } from '../test/conformance/server-runs.ts';
import type { Part } from '../test/conformance/verdict.ts';
import { verdictOf } from '../test/conformance/verdict.ts';
import { conformancePage } from './conformance-page.ts';

const PAGE = join(import.meta.dirname, '../docs/conformance.md');

/** A run takes minutes: tells what it is at, and since when. */
const say = (what: string): void => console.log(`${seconds()} s: ${what}`);

const servers = await testServers();
const clients = await testClients();
// The page tells of runs that went as they should.
const ok = judge([...servers, ...clients]) && (await producePage(process.argv.includes('--check')));
say('done');
if (!ok) process.exitCode = 1;

async function testServers(): Promise<readonly Part[]> {
  const paths = await openPaths();
  const parts: Part[] = [];
  try {
    for (const selection of SERVER_SELECTIONS) {
      say(`servers, ${selection.title}`);
      parts.push(await runServers(selection, paths.all));
    }
  } finally {
    await paths.close();
  }
  return parts;
}

async function testClients(): Promise<readonly Part[]> {
  const parts: Part[] = [];
  for (const selection of CLIENT_SELECTIONS) {
    say(`clients, ${selection.title}`);
    parts.push(await runClients(selection));
  }
  return parts;
}

/** @returns whether nothing is lost but what the gaps name. */
function judge(parts: readonly Part[]): boolean {
  const { unexpected, outdated } = verdictOf(parts, GAPS);
  for (const { part, path, loss } of unexpected) {
    const { scenario, check, direct, through, message } = loss;
    console.error(`lost: ${part}, ${path}: ${scenario}: ${check}: ${direct} became ${through}`);
    console.error(`  ${message}`);
  }
  for (const { part, path, scenario, check } of outdated) {
    console.error(`no longer lost, so no gap: ${part}, ${path}: ${scenario}: ${check}`);
  }
  return unexpected.length === 0 && outdated.length === 0;
}

/** @returns whether the page was what it should be, or has become so. */
async function producePage(checkOnly: boolean): Promise<boolean> {
  const options = await resolveConfig(PAGE);
  const text = await conformancePage(servers, clients);
  const page = await format(text, { ...options, parser: 'markdown' });
  if ((await readFile(PAGE, 'utf8').catch(() => '')) === page) return true;
  if (checkOnly) {
    console.error('docs/conformance.md is out of date; run `npm run conformance`');
    return false;
  }
  await writeFile(PAGE, page);
  say('docs/conformance.md is written anew');
  return true;
}

function seconds(): number {
  return Math.round(performance.now() / 1000);
}
