/** Where the programs under test are. */
import { spawnSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { createServer } from 'node:net';
import type { AddressInfo } from 'node:net';
import { once } from 'node:events';
import { delimiter, join } from 'node:path';

const ROOT = join(import.meta.dirname, '..');
/** Debian keeps servers where only root's PATH looks. */
const SYSTEM_DIRECTORIES = ['/usr/sbin', '/sbin', '/usr/local/sbin'];

/** Launcher of the gateway. */
export const POSTERN = join(ROOT, 'bin/postern.js');
/** The official example server, over stdio. */
export const EVERYTHING = packageFile('@modelcontextprotocol/server-everything/dist/index.js');
export const MCP_PROXY = packageFile('mcp-proxy/dist/bin/mcp-proxy.mjs');
export const SUPERGATEWAY = packageFile('supergateway/dist/index.js');

/** Full path of a program, `null` when it is not installed. */
export function findCommand(name: string): string | null {
  const directories = [...(process.env['PATH'] ?? '').split(delimiter), ...SYSTEM_DIRECTORIES];
  const paths = directories.map((directory) => join(directory, name));
  return paths.find((path) => existsSync(path)) ?? null;
}

export function hasCommand(name: string): boolean {
  return findCommand(name) !== null;
}

/** First line of what a program says with this option, such as its version; `null` if it fails. */
export function firstLineOf(command: string, ...args: readonly string[]): string | null {
  const { status, stdout, stderr } = spawnSync(command, args, { encoding: 'utf8' });
  return status === 0 ? (`${stdout}${stderr}`.trim().split('\n', 1)[0] ?? null) : null;
}

/** A loopback port that was free a moment ago, for programs that cannot choose one themselves. */
export async function freePort(): Promise<number> {
  const server = createServer();
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  server.close();
  await once(server, 'close');
  return port;
}

/** npm puts a workspace's packages beside it or at the root. */
function packageFile(path: string): string {
  const candidates = [import.meta.dirname, ROOT].map((base) => join(base, 'node_modules', path));
  return candidates.find((candidate) => existsSync(candidate)) ?? join(ROOT, 'node_modules', path);
}
