/** A look at a gateway's process from outside; Linux alone has what it takes. */
import { readdirSync, readFileSync } from 'node:fs';
import { setTimeout as delay } from 'node:timers/promises';
import type { TestPostern } from '../../support/postern.ts';
import { until } from '../../support/until.ts';

const POLL_MS = 25;

/** For `skip`: why processes cannot be looked at here. */
export const NO_PROC = process.platform === 'linux' ? false : '/proc is needed';

/** Resident memory in bytes. */
export function memoryOf(pid: number): number {
  const kib = /^VmRSS:\s+(\d+) kB$/m.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1];
  if (kib === undefined) throw new Error(`process ${pid} has no memory`);
  return Number(kib) * 1024;
}

/** Number of open file descriptors. */
export function descriptorsOf(pid: number): number {
  return readdirSync(`/proc/${pid}/fd`).length;
}

/** Every live descendant; zombies count, since somebody should have reaped them. */
export function descendantsOf(pid: number): readonly number[] {
  const parents = new Map<number, number>();
  for (const name of readdirSync('/proc')) {
    const child = Number(name);
    if (Number.isInteger(child)) parents.set(child, parentOf(child));
  }
  const found: number[] = [];
  const visit = (parent: number): void => {
    for (const [child, of] of parents) {
      if (of !== parent) continue;
      found.push(child);
      visit(child);
    }
  };
  visit(pid);
  return found;
}

/** Whether a process runs; a zombie does not. */
export function isRunning(pid: number): boolean {
  const state = stat(pid)[0];
  return state !== undefined && state !== 'Z';
}

/** The process of a gateway. */
export function pidOf({ process: { pid } }: TestPostern): number {
  if (pid === undefined) throw new Error('the gateway has no process');
  return pid;
}

/** What `/readyz` tells about one gateway. */
export interface Status {
  readonly ready: boolean;
  readonly calls_in_flight: number;
  readonly servers: Readonly<
    Record<string, { sessions: number; children: number; connections: number }>
  >;
}

export async function statusOf({ admin }: TestPostern): Promise<Status> {
  return (await (await fetch(admin)).json()) as Status;
}

/** Waits until what a gateway tells of itself passes, asking now and then: asking costs it time. */
export async function untilStatus(
  postern: TestPostern,
  what: string,
  passes: (status: Status) => boolean,
): Promise<void> {
  await until(what, async () => {
    if (passes(await statusOf(postern))) return true;
    await delay(POLL_MS);
    return false;
  });
}

function parentOf(pid: number): number {
  return Number(stat(pid)[1] ?? -1);
}

/** Fields of `/proc/PID/stat` from the state on; empty when the process is gone. */
function stat(pid: number): readonly string[] {
  try {
    const text = readFileSync(`/proc/${pid}/stat`, 'latin1');
    // The name before them may hold anything, also parentheses.
    return text.slice(text.lastIndexOf(')') + 2).split(' ');
  } catch {
    return [];
  }
}
