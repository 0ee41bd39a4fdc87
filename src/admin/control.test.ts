import assert from 'node:assert/strict';
import { mkdtemp, rm, stat, writeFile } from 'node:fs/promises';
import { request } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { json } from 'node:stream/consumers';
import { after, before, test } from 'node:test';
import type { PosternEvent } from '#lib';
import { openControl } from './control.ts';

let directory: string;
before(async () => {
  directory = await mkdtemp(join(tmpdir(), 'postern-control-'));
});
after(() => rm(directory, { recursive: true }));

const told: PosternEvent[] = [];
const events = (event: PosternEvent): void => void told.push(event);
const routes = new Map([['POST /echo', (input: unknown) => ({ input })]]);

function ask(socketPath: string, path: string, body: string | Buffer) {
  return new Promise<{ status: number | undefined; answer: unknown }>((resolve, reject) => {
    const outgoing = request({ socketPath, path, method: 'POST' }, (response) => {
      json(response).then((answer) => resolve({ status: response.statusCode, answer }), reject);
    });
    outgoing.once('error', reject);
    outgoing.end(body);
  });
}

test('R-05 the control socket answers its own user, and refuses what it does not know', async () => {
  const path = join(directory, 'a.sock');
  const control = (await openControl(path, routes, events)) ?? assert.fail('not open');
  assert.equal((await stat(path)).mode & 0o777, 0o600);
  assert.deepEqual(await ask(path, '/echo', '[1]'), { status: 200, answer: { input: [1] } });
  assert.deepEqual(await ask(path, '/echo', ''), { status: 200, answer: { input: null } });
  for (const [where, body] of [
    ['/other', ''],
    ['/echo', '{'],
    ['/echo', Buffer.alloc(70_000, 0x31)],
  ] as const) {
    const { status, answer } = await ask(path, where, body);
    assert.equal(status, 400);
    assert.match(JSON.stringify(answer), /POSTERN_CONTROL_REQUEST_INVALID/);
  }
  await control.close();
  await assert.rejects(stat(path), { code: 'ENOENT' });
});

test('R-05 a socket left behind is replaced, one in use is left alone', async () => {
  const path = join(directory, 'b.sock');
  await writeFile(path, '');
  const first = (await openControl(path, routes, events)) ?? assert.fail('not open');
  assert.equal(await openControl(path, routes, events), null);
  assert.equal(told.at(-1)?.name, 'control.unavailable');
  assert.equal((await ask(path, '/echo', '1')).status, 200);
  await first.close();
});

test('R-05 a place that cannot have a socket is told of', async () => {
  for (const path of [join(directory, 'x'.repeat(108)), join(directory, 'absent', 'c.sock')]) {
    assert.equal(await openControl(path, routes, events), null);
    assert.equal(told.at(-1)?.severity, 'warn');
  }
});
