/** The conformance suite's own command line. */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { messageOf } from '#lib';
import type { Report } from './report.ts';
import { readReport } from './report.ts';

const SUITE = join(
  import.meta.dirname,
  '../../node_modules/@modelcontextprotocol/conformance/dist/index.js',
);

/** A run that takes longer hangs. */
const TIMEOUT_MS = 10 * 60_000;

/** Tests a server with the scenarios that the options choose. */
export function testServer(url: string, options: readonly string[]): Promise<Report> {
  return run(['server', '--url', url, ...options]);
}

/** Tests a client, a command to which the URL of the suite's server is added, with one scenario. */
export function testClient(command: string, scenario: string, revision: string): Promise<Report> {
  const options = ['--scenario', scenario, '--spec-version', revision];
  return run(['client', '--command', command, ...options]);
}

/** Its exit code tells whether all checks succeeded, which the results tell better. */
async function run(args: readonly string[]): Promise<Report> {
  const directory = await mkdtemp(join(tmpdir(), 'postern-conformance-'));
  try {
    const child = spawn(process.execPath, [SUITE, ...args, '--output-dir', directory], {
      stdio: ['ignore', 'pipe', 'pipe'],
      timeout: TIMEOUT_MS,
    });
    const [, stderr] = await Promise.all([
      text(child.stdout),
      text(child.stderr),
      once(child, 'exit'),
    ]);
    return await readReport(directory).catch((error: unknown) => {
      throw new Error(`conformance ${args.join(' ')}: ${messageOf(error)}\n${stderr}`);
    });
  } finally {
    await rm(directory, { recursive: true, force: true });
  }
}
