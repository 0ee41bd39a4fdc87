import { existsSync } from 'node:fs';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { TestContext } from 'node:test';
import type { TestPostern } from '../../support/postern.ts';
import { startTestPostern } from '../../support/postern.ts';
import { until } from '../../support/until.ts';

const PROBE = new URL('../../fixtures/hostile/heap-probe.ts', import.meta.url).href;

/** A gateway that tells the bytes of its heap that are in use after collecting its garbage. */
export interface ProbedPostern {
  readonly postern: TestPostern;
  readonly heap: () => Promise<number>;
}

/** Starts one; it ends with the test. */
export async function startProbed(
  t: TestContext,
  config: Parameters<typeof startTestPostern>[0],
): Promise<ProbedPostern> {
  const directory = await mkdtemp(join(tmpdir(), 'postern-heap-'));
  const file = join(directory, 'heap');
  const changes = { NODE_OPTIONS: `--import=${PROBE}`, POSTERN_HEAP_FILE: file };
  const kept = { ...process.env };
  Object.assign(process.env, changes);
  const postern = await startTestPostern(config).finally(() => {
    for (const name of Object.keys(changes)) {
      if (kept[name] === undefined) delete process.env[name];
      else process.env[name] = kept[name];
    }
  });
  t.after(async () => {
    await postern.stop();
    await rm(directory, { recursive: true });
  });
  return {
    postern,
    heap: async () => {
      await rm(file, { force: true });
      postern.process.kill('SIGPWR');
      await until('the heap is known', () => existsSync(file));
      return Number(await readFile(file, 'utf8'));
    },
  };
}
