import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { DEFAULT_LIMITS } from '#lib';
import type { Confinement } from '../confinement.ts';
import { UNCONFINED } from '../confinement.ts';
import { Guardian } from '../guardian.ts';
import { programOf, whyNotStartable } from '../program.ts';

const NO_BWRAP =
  spawnSync('bwrap', ['--unshare-user', '--unshare-pid', '--ro-bind', '/', '/', 'true']).status !==
    0 && 'bwrap does not work here';

function whyNot(confinement: Partial<Confinement>, env = {}): Promise<string | null> {
  const events = (): void => undefined;
  const options = {
    name: 'server',
    command: 'cat',
    args: [],
    env,
    passEnv: [],
    cwd: null,
    confinement: { ...UNCONFINED, ...confinement },
    limits: DEFAULT_LIMITS,
    events,
  };
  return whyNotStartable(programOf(options, new Guardian(events)));
}

test('R-10 a sandbox is tried before it is needed', { skip: NO_BWRAP }, async () => {
  const directory = await mkdtemp(join(tmpdir(), 'postern-rehearsal-'));
  const strict = { sandbox: 'strict', readable: [directory] } as const;
  assert.equal(await whyNot(strict), null);
  // On the program's PATH there may be what the program has written.
  await writeFile(join(directory, 'bwrap'), '#!/bin/sh\nexit 7\n', { mode: 0o755 });
  assert.equal(await whyNot(strict, { PATH: `${directory}:/usr/bin:/bin` }), null);
  // Nor is a library there for bwrap itself, only for what runs in the sandbox and sees it.
  const libraries = await mkdtemp(join(tmpdir(), 'postern-libraries-'));
  await writeFile(join(libraries, 'libc.so.6'), 'none');
  assert.equal(await whyNot(strict, { LD_LIBRARY_PATH: libraries }), null);
  await rm(libraries, { recursive: true });
  // No directory can have such a name.
  const home = { HOME: `/${'x'.repeat(300)}` };
  assert.match((await whyNot(strict, home)) ?? '', /^its sandbox cannot be made: bwrap: /);
  await rm(directory, { recursive: true });
});
