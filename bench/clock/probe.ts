/**
 * How fast a core runs just now, a process of its own that stays on the core: a fixed piece of work
 * every {@link EVERY_MS}, timed by its own CPU time. It takes about half a percent of the core. Ended
 * by SIGTERM, it prints its samples as JSON.
 */
import type { ClockSample } from './clock.ts';
import { nowUs } from '../load/window.ts';

const EVERY_MS = 100;
/** Takes about half a millisecond. */
const ROUNDS = 300_000;

const samples: ClockSample[] = [];
/** What the work ends with is what it begins with the next time: the compiler must not leave it out. */
let value = 1;
setInterval(() => {
  // That of a thread is as of the last tick, that of the process as of now.
  const before = process.cpuUsage();
  value = work(value);
  const { user, system } = process.cpuUsage(before);
  samples.push({ at: nowUs(), speed: ROUNDS / (user + system) });
}, EVERY_MS);
process.once('SIGTERM', () => {
  process.stdout.write(`${JSON.stringify(samples)}\n`, () => process.exit(0));
});

/** Integer arithmetic in registers, each step waiting for the one before. */
function work(from: number): number {
  let to = from;
  for (let round = 0; round < ROUNDS; round += 1) to = Math.imul(to ^ round, 0x9e3779b1);
  return to;
}
