import { fileURLToPath } from 'node:url';
import { start } from '../children.ts';
import type { Window } from '../load/plan.ts';

/** One reading of a core's speed. */
export interface ClockSample {
  /** `CLOCK_MONOTONIC`, microseconds. */
  readonly at: number;
  /** Steps of a fixed piece of work per microsecond of CPU time. */
  readonly speed: number;
}

/** Readings that go on until they are asked for. */
export interface Clock {
  stop(): Promise<readonly ClockSample[]>;
}

/** Begins to read the speed of a core; without a core of its own to stay on it reads nothing. */
export function watchClock(core: number | null): Clock {
  if (core === null) return { stop: () => Promise.resolve([]) };
  const script = fileURLToPath(import.meta.resolve('./probe.ts'));
  const child = start(process.execPath, [script], { core });
  const output = child.output();
  output.catch(() => undefined);
  return {
    stop: async () => {
      await child.stop();
      return JSON.parse(await output) as ClockSample[];
    },
  };
}

/** The middle speed in a window, `null` without readings. */
export function speedIn(samples: readonly ClockSample[], { from, to }: Window): number | null {
  const speeds = samples
    .filter(({ at }) => at >= from && at <= to)
    .map(({ speed }) => speed)
    .toSorted((a, b) => a - b);
  return speeds[Math.floor(speeds.length / 2)] ?? null;
}
