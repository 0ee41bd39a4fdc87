import { setTimeout as delay } from 'node:timers/promises';

const POLL_MS = 20;
const AFTER_KILL_MS = 500;

/** Whether a child leads a process group of its own, which reaches the processes that it starts. */
export const HAS_GROUPS = process.platform !== 'win32';

/**
 * Signals a child's whole process group (on Windows the child alone); signal 0 only asks.
 *
 * @returns false when nothing is left there that could be signalled.
 */
export function signalGroup(pid: number, signal: NodeJS.Signals | 0): boolean {
  try {
    return process.kill(HAS_GROUPS ? -pid : pid, signal);
  } catch {
    return false;
  }
}

/**
 * Ends what a child left behind in its group: SIGTERM, then after the grace SIGKILL. Resolves when the
 * group is gone; a process that left the group on purpose (setsid) is out of reach.
 */
export async function endGroup(pid: number, graceMs: number): Promise<void> {
  if (!signalGroup(pid, 'SIGTERM')) return;
  if (await isGoneWithin(pid, graceMs)) return;
  signalGroup(pid, 'SIGKILL');
  // Only processes that nobody reaps, or that hang in the kernel, are still there after this.
  await isGoneWithin(pid, AFTER_KILL_MS);
}

async function isGoneWithin(pid: number, timeoutMs: number): Promise<boolean> {
  const deadline = performance.now() + timeoutMs;
  while (signalGroup(pid, 0)) {
    if (performance.now() >= deadline) return false;
    await delay(POLL_MS);
  }
  return true;
}
