/** The conformance suite's own command line. */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { fileURLToPath } from 'node:url';
import { messageOf } from '#lib';
import type { Check, Report } from './report.ts';
import { readReport } from './report.ts';

const SUITE = fileURLToPath(import.meta.resolve('@modelcontextprotocol/conformance/dist/index.js'));

/** A run that takes longer hangs. */
const TIMEOUT_MS = 10 * 60_000;

/** Tests a server with the scenarios that the options choose. */
export async function testServer(url: string, options: readonly string[]): Promise<Report> {
  return (await run(['server', '--url', url, ...options])).report;
}

/**
 * Tests a client, a command to which the URL of the suite's server is added, with one scenario. That
 * the command ends well is a check of its own.
 */
export async function testClient(
  command: string,
  scenario: string,
  revision: string | null,
): Promise<readonly Check[]> {
  const options = ['--scenario', scenario];
  if (revision !== null) options.push('--spec-version', revision);
  const { report, ok, said } = await run(['client', '--command', command, ...options]);
  const end: Check = ok
    ? { id: 'client-ends-well', status: 'SUCCESS', message: '' }
    : { id: 'client-ends-well', status: 'FAILURE', message: said };
  return [...(report.get(scenario) ?? []), end];
}

interface Outcome {
  readonly report: Report;
  /** Whether the suite is content with everything. */
  readonly ok: boolean;
  /** What it wrote to its standard error. */
  readonly said: string;
}

async function run(args: readonly string[]): Promise<Outcome> {
  const directory = await mkdtemp(join(tmpdir(), 'postern-conformance-'));
  try {
    const child = spawn(process.execPath, [SUITE, ...args, '--output-dir', directory], {
      stdio: ['ignore', 'pipe', 'pipe'],
      timeout: TIMEOUT_MS,
    });
    const [, said, [code]] = await Promise.all([
      text(child.stdout),
      text(child.stderr),
      once(child, 'exit') as Promise<[number | null]>,
    ]);
    const report = await readReport(directory).catch((error: unknown) => {
      throw new Error(`conformance ${args.join(' ')}: ${messageOf(error)}\n${said}`);
    });
    return { report, ok: code === 0, said };
  } finally {
    await rm(directory, { recursive: true, force: true });
  }
}
