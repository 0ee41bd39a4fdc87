import assert from 'node:assert/strict';
import { mkdtemp, readdir, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { runPostern } from '../../test/support/cli.ts';

test('R-10 a program is fronted only after --, and only one that is there', async (t) => {
  const state = await mkdtemp(join(tmpdir(), 'postern-operands-'));
  t.after(() => rm(state, { recursive: true }));
  // With --check it ends also where it should not have started.
  const up = ['up', '--check', '--state', state];
  const runs: [string[], number, RegExp][] = [
    [[...up, 'npx', 'server'], 64, /"npx server" is no option[^]*postern up -- npx server[^]*-c/],
    [[...up, 'npx', '--', 'cat'], 64, /"npx" is no option/],
    [[...up, '--', 'no-such-program'], 69, /"no-such-program" is not on the PATH[^]*_PROGRAM_/],
    [['stdio', '--state', state, '--', 'no-such-program'], 69, /is not on the PATH/],
  ];
  await Promise.all(
    runs.map(async ([args, code, said]) => {
      const result = await runPostern(...args);
      assert.equal(result.code, code, args.join(' '));
      assert.match(result.stderr, said);
    }),
  );
  assert.deepEqual(await readdir(state), []);
});
