import assert from 'node:assert/strict';
import type { FileHandle } from 'node:fs/promises';
import { mkdir, open, readdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { TestContext } from 'node:test';
import { before, mock, test } from 'node:test';
import type { Authorities } from './authorities.ts';
import { destroyFormer, hasFormer, putInForce, readCurrent } from './generations.ts';
import { loadIdentity } from './load-identity.ts';
import { makeAuthorities } from './make-identity.ts';
import { failure, temporaryDir } from './test-support.ts';

const STORAGE_FAILED = 'POSTERN_IDENTITY_STORAGE_FAILED';

let authorities: Authorities;

before(async () => {
  authorities = await makeAuthorities({ trustDomain: 'example.org', nowMs: Date.now() });
});

test('R-21 a reader finds one whole generation while they change under it', async (t) => {
  const { state, identity } = await newIdentity(t);
  const done = new AbortController();
  const change = async (): Promise<void> => {
    for (let turn = 0; turn < 25; turn += 1) {
      await putInForce(identity, authorities);
      await destroyFormer(identity);
    }
    done.abort();
  };
  const read = async (): Promise<ReadonlySet<string>> => {
    const seen = new Set<string>();
    while (!done.signal.aborted) {
      seen.add((await loadIdentity(state, Date.now()))?.generation ?? 'none');
    }
    return seen;
  };
  const [, seen] = await Promise.all([change(), read()]);
  assert.ok(seen.size > 1 && !seen.has('none'), `${seen.size} generations seen`);
  assert.deepEqual((await readdir(identity)).toSorted(), ['current', await readCurrent(identity)]);
});

test('R-21 a disk that fails just after the switch leaves a whole generation in force', async (t) => {
  const { state, identity } = await newIdentity(t);
  const first = await readCurrent(identity);
  const handle = await open(identity);
  await handle.close();
  const files = Object.getPrototypeOf(handle) as FileHandle;
  mock.method(files, 'sync', async () => {
    if ((await readCurrent(identity)) !== first) throw new Error('EIO');
  });
  t.after(() => mock.restoreAll());
  await assert.rejects(putInForce(identity, authorities), failure(STORAGE_FAILED));
  const generation = await readCurrent(identity);
  assert.equal((await loadIdentity(state, Date.now()))?.generation, generation);
});

test('what a change left half way is not in force, and destroyed by the next', async (t) => {
  const { state, identity } = await newIdentity(t);
  const inForce = await readCurrent(identity);
  await mkdir(join(identity, 'g-00000000/pq'), { recursive: true });
  await writeFile(join(identity, 'g-00000000/pq/root.key'), 'half');
  await writeFile(join(identity, '.current.0011'), 'g-000');
  await writeFile(join(identity, 'issued.jsonl'), '');
  assert.equal((await loadIdentity(state, Date.now()))?.generation, inForce);
  assert.equal(await hasFormer(identity), true);
  await destroyFormer(identity);
  assert.equal(await hasFormer(identity), false);
  assert.deepEqual((await readdir(identity)).toSorted(), ['current', inForce, 'issued.jsonl']);
});

test('a generation that is named but is not there, or has no proper name, is refused', async (t) => {
  const { state, identity } = await newIdentity(t);
  const good = await readFile(join(identity, 'current'), 'utf8');
  for (const name of ['g-ffffffff', '../g-ffffffff', '', 'g-1']) {
    await writeFile(join(identity, 'current'), name);
    await assert.rejects(loadIdentity(state, Date.now()), failure('POSTERN_IDENTITY_DAMAGED'));
  }
  await writeFile(join(identity, 'current'), good);
  assert.ok(await loadIdentity(state, Date.now()));
});

async function newIdentity(t: TestContext): Promise<{ state: string; identity: string }> {
  const state = await temporaryDir(t);
  const identity = join(state, 'identity');
  await mkdir(identity, { mode: 0o700 });
  await putInForce(identity, authorities);
  return { state, identity };
}
