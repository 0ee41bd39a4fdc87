/**
 * Installs the built package into an empty directory as a user would, and has it front a real MCP
 * server: `npm run build && npm run smoke`.
 */
import assert from 'node:assert/strict';
import { execFileSync, spawnSync } from 'node:child_process';
import type { StdioOptions } from 'node:child_process';
import {
  existsSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { delimiter, join } from 'node:path';

const ROOT = join(import.meta.dirname, '..');
const MODULES = join(ROOT, 'node_modules');
const SERVER = join(MODULES, '@modelcontextprotocol/server-everything/dist/index.js');
const COMMAND_TIMEOUT_MS = 60_000;
const INSTALL_TIMEOUT_MS = 5 * 60_000;

const site = mkdtempSync(join(tmpdir(), 'postern-smoke-'));
try {
  install();
  const manifest = readFileSync(join(ROOT, 'package.json'), 'utf8');
  const { version } = JSON.parse(manifest) as { version: string };
  assert.deepEqual(run(process.execPath, '--version'), { status: 0, stdout: `${version}\n` });
  console.log(`installed, prints version ${version}`);
  frontServer();
  tryOldNode(version);
} finally {
  rmSync(site, { recursive: true, force: true });
}

function install(): void {
  writeFileSync(join(site, 'package.json'), '{"private":true}');
  npm('pack', join(ROOT, 'dist'), `--pack-destination=${site}`, '--silent');
  const tarball = readdirSync(site).find((file) => file.endsWith('.tgz'));
  assert.ok(tarball, 'npm pack made no tarball');
  // What the checkout was installed from is in npm's cache: a registry that stalls is not in the way.
  const quiet = ['--prefer-offline', '--no-audit', '--no-fund', '--silent'];
  npm('install', `--prefix=${site}`, ...quiet, join(site, tarball));
}

/** The installed command makes a call through its own front door to a real server. */
function frontServer(): void {
  const state = join(site, 'state');
  const options = ['--check', '--json', '--listen=127.0.0.1:0', '--admin=off', `--state=${state}`];
  const server = ['--', process.execPath, SERVER];
  const { status, stdout } = run(process.execPath, 'up', ...options, ...server);
  assert.equal(status, 0);
  const summary = JSON.parse(stdout) as { tools: { mcp: string[] } };
  assert.ok(summary.tools.mcp.includes('echo'));
  console.log(`fronts a server with ${summary.tools.mcp.length} tools`);
}

/** With an old Node.js it says what to do, and runs once the `node` package is beside it. */
function tryOldNode(version: string): void {
  const old = findOldNode();
  if (old === undefined) {
    console.log('no Node.js older than 24 on the PATH: the way out for it was not tried');
    return;
  }
  assert.deepEqual(run(old, '--version'), { status: 78, stdout: '' });
  symlinkSync(join(MODULES, 'node'), join(site, 'node_modules', 'node'));
  assert.deepEqual(run(old, '--version'), { status: 0, stdout: `${version}\n` });
  console.log(`runs from ${old} on the packaged Node.js`);
}

function findOldNode(): string | undefined {
  const directories = (process.env['PATH'] ?? '').split(delimiter);
  return directories
    .map((directory) => join(directory, 'node'))
    .filter((file) => existsSync(file))
    .find((file) => {
      const { stdout } = spawnSync(file, ['--version'], { encoding: 'utf8' });
      return Number.parseInt(stdout.slice(1), 10) < 24;
    });
}

function run(node: string, ...args: readonly string[]): { status: number | null; stdout: string } {
  const postern = join(site, 'node_modules', '.bin', 'postern');
  const { status, stdout, stderr } = spawnSync(node, [postern, ...args], {
    cwd: site,
    encoding: 'utf8',
    timeout: COMMAND_TIMEOUT_MS,
  });
  if (status !== 0 && status !== 78) console.error(stderr);
  return { status, stdout };
}

function npm(...args: readonly string[]): void {
  const stdio: StdioOptions = ['ignore', 'ignore', 'inherit'];
  execFileSync('npm', args, { cwd: site, stdio, timeout: INSTALL_TIMEOUT_MS });
}
