/** Bridges from HTTP to a stdio server, both from npm, plain HTTP and without policy or record. */
import type { Bench } from '../bench.ts';
import type { Child } from '../children.ts';
import { start } from '../children.ts';
import {
  EVERYTHING,
  findCommand,
  firstLineOf,
  freePort,
  MCP_PROXY,
  SUPERGATEWAY,
} from '../programs.ts';
import { targetAt } from './echo.ts';
import type { Subject } from './subject.ts';
import { subjectOf } from './subject.ts';

/** mcp-proxy with its stateful Streamable HTTP endpoint alone; it can be told to bind the loopback. */
export async function mcpProxySubject(bench: Bench): Promise<Subject> {
  const port = await freePort();
  const bind = ['--host', '127.0.0.1', '--port', String(port), '--server', 'stream'];
  const child = start(process.execPath, [MCP_PROXY, ...bind, '--', process.execPath, EVERYTHING], {
    core: bench.cores.subject,
  });
  return subjectOf({ child, target: targetAt(port, null) });
}

/**
 * supergateway in stateful mode. It binds every interface and cannot be told otherwise, so it runs in
 * a network namespace that has a loopback interface and nothing else.
 */
export async function supergatewaySubject(bench: Bench): Promise<Subject> {
  const host = await openNamespace();
  const within = enter(host.pid);
  const port = 8000;
  const child = start(
    process.execPath,
    [
      SUPERGATEWAY,
      '--stdio',
      `${process.execPath} ${EVERYTHING}`,
      '--outputTransport',
      'streamableHttp',
      '--stateful',
      '--port',
      String(port),
      '--logLevel',
      'none',
    ],
    { core: bench.cores.subject, within },
  );
  return subjectOf({ child, within, host, target: targetAt(port, null) });
}

/** Why supergateway cannot be measured, `null` when it can. */
export function noNamespace(): string | null {
  const tools = ['unshare', 'nsenter', 'ip'].filter((name) => findCommand(name) === null);
  if (tools.length > 0) return `it binds every interface, and ${tools.join(', ')} is missing`;
  const [command = '', ...args] = UNSHARE;
  if (firstLineOf(command, ...args, 'echo', 'yes') === 'yes') return null;
  return 'it binds every interface, and a network namespace of its own is not permitted';
}

const IS_ROOT = process.getuid?.() === 0;
const UNSHARE = ['unshare', '--net', ...(IS_ROOT ? [] : ['--user', '--map-root-user']), '--'];

/** A process that holds a namespace open until its stdin ends. */
async function openNamespace(): Promise<Child> {
  const [command = '', ...args] = UNSHARE;
  const script = 'ip link set lo up && echo ready && exec cat';
  const holder = start(command, [...args, 'sh', '-c', script], { core: null });
  await holder.said((text) => (text.includes('ready') ? true : null));
  return holder;
}

function enter(pid: number): string[] {
  const user = IS_ROOT ? [] : ['--user', '--preserve-credentials'];
  return ['nsenter', '--target', String(pid), '--net', ...user, '--'];
}
