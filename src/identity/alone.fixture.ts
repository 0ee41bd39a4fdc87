import { setImmediate as turn } from 'node:timers/promises';

/** Some milliseconds of work; counts in `inside[1]` how often somebody else was at it too. */
export async function alone(inside: Int32Array): Promise<void> {
  if (Atomics.add(inside, 0, 1) > 0) Atomics.add(inside, 1, 1);
  for (let turns = 0; turns < 3000; turns += 1) await turn();
  Atomics.sub(inside, 0, 1);
}
