/** Authorities change under a running gateway, by command. */
import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { test } from 'node:test';
import { callerNamed } from '../support/identified.ts';
import { startTestPostern } from '../support/postern.ts';
import { openSession, request, send } from '../support/raw.ts';
import { programAt } from '../support/transports.ts';

const LAUNCHER = join(import.meta.dirname, '../../bin/postern.js');
const SERVERS = { program: { stdio: programAt('test/fixtures/stateful-stdio.ts') } };

interface Status {
  readonly authorities: readonly { readonly kind: string; readonly key: string }[];
  readonly clients: readonly { readonly name: string; readonly revoked: string | null }[];
  readonly due: readonly string[];
}

test('R-05 R-13 R-21 roots are replaced under a running gateway, moved out, and the old ones retired', async (t) => {
  const postern = await startTestPostern({ servers: SERVERS });
  t.after(() => postern.stop());
  const { stateDir } = postern;
  const url = postern.url('program');
  const old = await callerNamed(postern, 'old');
  t.after(() => old.close());
  const session = await openSession(old.fetch, url);
  const rotations = (): number =>
    postern.log().filter(({ event }) => event === 'identity.rotated').length;
  const adopted = (count: number): Promise<unknown> => postern.logged(() => rotations() >= count);

  const rotated = await run(stateDir, 'ca', 'rotate', '--root');
  assert.equal((rotated['rehearsed'] as unknown[]).length, 9);
  await adopted(1);
  // `postern.ca` is what it was at the start: these know the old roots alone.
  const another = await callerNamed(postern, 'another');
  t.after(() => another.close());
  await openSession(another.fetch, url);
  assert.equal((await send(old.fetch, url, request(1, 'ping'), session)).status, 200);

  const safe = join(postern.directory, 'safe');
  assert.equal(
    ((await run(stateDir, 'ca', 'offline', '--out', safe))['files'] as unknown[]).length,
    3,
  );
  assert.equal((await readdir(safe)).length, 3);
  await adopted(2);
  const revoked = await run(stateDir, 'cert', 'revoke', 'old', '--reason', 'superseded');
  assert.equal((revoked['revoked'] as unknown[]).length, 1);
  const status = (await run(stateDir, 'cert', 'status')) as unknown as Status;
  assert.deepEqual(
    status.authorities.map(({ kind, key }) => `${kind} ${key}`),
    [
      ...Array.from({ length: 3 }, () => ['root offline', 'issuing here']).flat(),
      ...Array.from({ length: 3 }, () => 'previous root none'),
    ],
  );
  assert.deepEqual(
    status.clients.map(({ name, revoked: reason }) => [name, reason]),
    [
      ['another', null],
      ['old', 'superseded'],
    ],
  );
  assert.match(status.due.join(), /postern ca retire/);

  assert.deepEqual(await run(stateDir, 'ca', 'retire'), { retired: 3 });
  await adopted(3);
  const late = callerNamed(postern, null).then((caller) => {
    t.after(() => caller.close());
    return openSession(caller.fetch, url);
  });
  await assert.rejects(late);
});

/** What a command prints, as `--json` has it. */
function run(stateDir: string, ...args: readonly string[]): Promise<Record<string, unknown>> {
  return new Promise((resolve, reject) => {
    const argv = [LAUNCHER, ...args, '--state', stateDir, '--json'];
    execFile(process.execPath, argv, (_error, stdout, stderr) => {
      try {
        resolve(JSON.parse(stdout) as Record<string, unknown>);
      } catch {
        reject(new Error(stderr));
      }
    });
  });
}
