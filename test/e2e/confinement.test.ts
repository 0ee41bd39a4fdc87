import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { TestContext } from 'node:test';
import { test } from 'node:test';
import { pqFetch } from '../support/clients.ts';
import { runPostern } from '../support/cli.ts';
import type { Peer } from '../support/peer.ts';
import { connectV2 } from '../support/peer.ts';
import type { TestPostern } from '../support/postern.ts';
import { startTestPostern } from '../support/postern.ts';
import { http, programAt } from '../support/transports.ts';

const PRYING = programAt('test/fixtures/prying-stdio.ts');

/** For `skip`: why a wrapper does not work here. */
function without(program: string, ...args: readonly string[]): string | false {
  return spawnSync(program, [...args, 'true']).status === 0
    ? false
    : `${program} does not work here`;
}

const NO_UNSHARE = without('unshare', '--user', '--map-current-user', '--net', '--');
const NO_BWRAP = without('bwrap', '--unshare-net', '--unshare-pid', '--ro-bind', '/', '/', '--');
const NO_PRLIMIT = without('prlimit', '--nofile=100:100', '--');

async function start(t: TestContext, stdio: object): Promise<TestPostern> {
  const postern = await startTestPostern({
    servers: { prying: { stdio: { ...PRYING, ...stdio } } },
  });
  t.after(() => postern.stop());
  return postern;
}

async function connect(t: TestContext, postern: TestPostern): Promise<Peer> {
  const link = pqFetch(postern);
  t.after(() => link.close());
  return connectV2(http(2, postern.url('prying'), link.fetch));
}

async function ask(peer: Peer, tool: string, args: Record<string, unknown> = {}): Promise<string> {
  const result = (await peer.call(tool, args)) as { content: readonly { text: string }[] };
  return result.content[0]?.text ?? '';
}

function portOf(postern: TestPostern): number {
  return Number(new URL(postern.endpoint).port);
}

test(
  'R-18 a server without network reaches nothing, and works otherwise',
  { skip: NO_UNSHARE },
  async (t) => {
    const postern = await start(t, { sandbox: 'no_network' });
    const peer = await connect(t, postern);
    assert.equal(await ask(peer, 'connect', { port: portOf(postern) }), 'ENETUNREACH');
    assert.match(await ask(peer, 'list', { path: postern.stateDir }), /identity/);
    await peer.close();
  },
);

test(
  'R-18 a server in the strict sandbox writes only where it may and finds no keys',
  { skip: NO_BWRAP },
  async (t) => {
    const writable = await mkdtemp(join(tmpdir(), 'postern-writable-'));
    t.after(() => rm(writable, { recursive: true }));
    const postern = await start(t, { sandbox: 'strict', writable: [writable] });
    const peer = await connect(t, postern);
    // It has a loopback of its own, on which nobody listens.
    assert.equal(await ask(peer, 'connect', { port: portOf(postern) }), 'ECONNREFUSED');
    assert.equal(await ask(peer, 'list', { path: postern.stateDir }), '');
    assert.equal(await ask(peer, 'write', { path: join(writable, 'kept') }), 'written');
    assert.equal(await ask(peer, 'write', { path: join(import.meta.dirname, 'x') }), 'EROFS');
    assert.equal(await ask(peer, 'write', { path: '/tmp/of-its-own' }), 'written');
    await peer.close();
  },
);

test(
  'R-25 bounds of a server are kept by the kernel and cannot be raised',
  { skip: NO_PRLIMIT },
  async (t) => {
    const postern = await start(t, {
      rlimits: { open_files: 200, file_bytes: 4096, cpu_seconds: 60 },
    });
    const peer = await connect(t, postern);
    const limits = await ask(peer, 'limits');
    assert.match(limits, /Max open files +200 +200 /);
    assert.match(limits, /Max file size +4096 +4096 /);
    assert.match(limits, /Max cpu time +60 +60 /);
    await peer.close();
  },
);

test(
  'R-18 a server runs as the user that is configured',
  { skip: process.getuid?.() !== 0 && 'root alone can choose' },
  async (t) => {
    const postern = await start(t, { run_as: { uid: 65_534, gid: 65_533 } });
    const peer = await connect(t, postern);
    assert.equal(await ask(peer, 'identity'), '65534:65533');
    await peer.close();
  },
);

test('R-18 writable directories outside the strict sandbox are a mistake that is told', async () => {
  const directory = await mkdtemp(join(tmpdir(), 'postern-config-'));
  const file = join(directory, 'postern.yaml');
  await writeFile(
    file,
    'version: 1\nservers:\n  files:\n    stdio: { command: node, sandbox: no_network, writable: [/srv] }\n',
  );
  const { code, stderr } = await runPostern('check', '--config', file);
  assert.equal(code, 78);
  assert.match(stderr, /writable.*strict sandbox alone/s);
  await rm(directory, { recursive: true });
});
