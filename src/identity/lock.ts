/**
 * One change of a state directory at a time, whoever makes it: commands and gateways. The lock is a
 * file that only one of them can create; it tells who holds it, so that one whose holder was killed
 * is taken over.
 */
import { randomBytes } from 'node:crypto';
import { link, open, readFile, rename, rm, stat } from 'node:fs/promises';
import { hostname } from 'node:os';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { threadId } from 'node:worker_threads';
import { StateBusy } from './errors.ts';
import { hasCode, PRIVATE_MODE, storageFailed } from './files.ts';

const LOCK_FILE = 'identity.lock';

/** Changes take seconds at most; whoever waits longer waits for something that hangs. */
const PATIENCE_MS = 15_000;
const RETRY_MS = 20;
/**
 * A holder on another machine, in another container or in another thread, or one that was killed before
 * it wrote its name, cannot be looked for. No change takes this long.
 */
const FOREIGN_STALE_MS = 60_000;

/** Locks that this thread holds: one with its id that is not among them is of an earlier process. */
const held = new Set<string>();

/**
 * Does some work while nobody else changes the state directory.
 *
 * @throws StateBusy when the lock is not to be had in time, StorageFailed, or what the work throws.
 */
export async function withStateLock<T>(stateDir: string, work: () => Promise<T>): Promise<T> {
  const path = join(stateDir, LOCK_FILE);
  const token = `${threadId}.${randomBytes(8).toString('hex')}`;
  held.add(token);
  try {
    await acquire(path, `${process.pid} ${token} ${hostname()} ${await beginOf(process.pid)}\n`);
    try {
      return await work();
    } finally {
      await release(path, token);
    }
  } finally {
    held.delete(token);
  }
}

async function acquire(path: string, text: string): Promise<void> {
  const deadline = performance.now() + PATIENCE_MS;
  while (!(await create(path, text))) {
    const holder = await readHolder(path);
    if (holder !== null && (await isStale(path, holder))) await takeAway(path, holder);
    else if (performance.now() > deadline) throw busy(path, holder ?? '');
    else await delay(RETRY_MS);
  }
}

async function create(path: string, text: string): Promise<boolean> {
  const handle = await open(path, 'wx', PRIVATE_MODE).catch((cause: unknown) => {
    if (hasCode(cause, 'EEXIST')) return null;
    throw storageFailed(path, cause);
  });
  if (handle === null) return false;
  try {
    await handle.writeFile(text);
    return true;
  } catch (cause) {
    await rm(path, { force: true });
    throw storageFailed(path, cause);
  } finally {
    await handle.close();
  }
}

async function release(path: string, token: string): Promise<void> {
  const holder = await readHolder(path);
  if (holder?.split(' ')[1] === token) await rm(path, { force: true });
}

async function readHolder(path: string): Promise<string | null> {
  try {
    return await readFile(path, 'utf8');
  } catch (cause) {
    if (hasCode(cause, 'ENOENT')) return null;
    throw storageFailed(path, cause);
  }
}

async function isStale(path: string, holder: string): Promise<boolean> {
  const [pid = '', token = '', host = '', began = ''] = holder.trimEnd().split(' ');
  if (host !== hostname()) return olderThan(path, FOREIGN_STALE_MS);
  if (!isRunning(Number(pid))) return true;
  const now = await beginOf(Number(pid));
  // The id is another process's by now: of this one too, as they begin anew in a restarted container.
  if (began !== '' && now !== '' && began !== now) return true;
  if (Number(pid) !== process.pid) return false;
  if (token.startsWith(`${threadId}.`)) return !held.has(token);
  return olderThan(path, FOREIGN_STALE_MS);
}

/** When a process began, in ticks of the machine's clock since its start; empty where no file tells. */
async function beginOf(pid: number): Promise<string> {
  const text = await readFile(`/proc/${pid}/stat`, 'utf8').catch(() => '');
  // proc(5): field 22; the second one, the program's name, may hold blanks and brackets.
  return text.slice(text.lastIndexOf(')') + 2).split(' ')[19] ?? '';
}

/** Removes a stale lock, and only that: another process may have replaced it by its own meanwhile. */
async function takeAway(path: string, stale: string): Promise<void> {
  const aside = `${path}.${randomBytes(6).toString('hex')}`;
  try {
    await rename(path, aside);
    if ((await readHolder(aside)) !== stale) await link(aside, path);
    await rm(aside, { force: true });
  } catch (cause) {
    await rm(aside, { force: true });
    if (!hasCode(cause, 'ENOENT', 'EEXIST')) throw storageFailed(path, cause);
  }
}

async function olderThan(path: string, ageMs: number): Promise<boolean> {
  const stats = await stat(path).catch(() => null);
  return stats !== null && Date.now() - stats.mtimeMs > ageMs;
}

function isRunning(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch (thrown) {
    // EPERM: it runs, as another user.
    return !hasCode(thrown, 'ESRCH');
  }
}

function busy(path: string, holder: string): Error {
  const [pid = 'unknown'] = holder.split(' ');
  return new StateBusy(`process ${pid} holds ${path}`, { details: { path, pid } });
}
