/** Network namespaces of their own, for programs that bind every interface. */
import type { Child } from '../children.ts';
import { start } from '../children.ts';
import { findCommand, firstLineOf } from '../programs.ts';

/** A namespace that has a loopback interface and nothing else. */
export interface Namespace {
  /** Holds it open; ended last. */
  readonly host: Child;
  /** Words before a command that make it run there. */
  readonly within: readonly string[];
}

const IS_ROOT = process.getuid?.() === 0;
const UNSHARE = ['unshare', '--net', ...(IS_ROOT ? [] : ['--user', '--map-root-user']), '--'];

/** Opens a namespace. */
export async function openNamespace(): Promise<Namespace> {
  const [command = '', ...args] = UNSHARE;
  const script = 'ip link set lo up && echo ready && exec cat';
  const host = start(command, [...args, 'sh', '-c', script], { core: null });
  await host.said((text) => (text.includes('ready') ? true : null));
  const user = IS_ROOT ? [] : ['--user', '--preserve-credentials'];
  return { host, within: ['nsenter', '--target', String(host.pid), '--net', ...user, '--'] };
}

/** Why there can be none, `null` when there can. */
export function noNamespace(): string | null {
  const tools = ['unshare', 'nsenter', 'ip'].filter((name) => findCommand(name) === null);
  if (tools.length > 0) return `it binds every interface, and ${tools.join(', ')} is missing`;
  const [command = '', ...args] = UNSHARE;
  if (firstLineOf(command, ...args, 'echo', 'yes') === 'yes') return null;
  return 'it binds every interface, and a network namespace of its own is not permitted';
}
