import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
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
const NO_PRLIMIT = without('prlimit', '--nofile=100:100', '--');

const IS_ROOT = process.getuid?.() === 0;

/** Each server is the same program, kept from something else. */
const SERVERS = {
  offline: { sandbox: 'no_network' },
  limited: { rlimits: { open_files: 200, file_bytes: 4096, cpu_seconds: 60 } },
  lost: { cwd: '/nonexist' },
  ...(IS_ROOT ? { nobody: { run_as: { uid: 65_534, gid: 65_533 } } } : {}),
};

let postern: TestPostern;
let link: ReturnType<typeof pqFetch>;
before(async () => {
  const servers = Object.entries(SERVERS).map(([name, confinement]) => [
    name,
    { stdio: { ...PRYING, ...confinement } },
  ]);
  postern = await startTestPostern({ servers: Object.fromEntries(servers) });
  link = pqFetch(postern);
});
after(async () => {
  await link.close();
  await postern.stop();
});

function connect(server: keyof typeof SERVERS | 'nobody'): Promise<Peer> {
  return connectV2(http(2, postern.url(server), link.fetch));
}

async function ask(peer: Peer, tool: string, args: Record<string, unknown> = {}): Promise<string> {
  const result = (await peer.call(tool, args)) as { content: readonly { text: string }[] };
  return result.content[0]?.text ?? '';
}

function port(): number {
  return Number(new URL(postern.endpoint).port);
}

test(
  'R-18 a server without network reaches nothing, and works otherwise',
  { skip: NO_UNSHARE },
  async () => {
    const peer = await connect('offline');
    assert.equal(await ask(peer, 'connect', { port: port() }), 'ENETUNREACH');
    assert.match(await ask(peer, 'list', { path: postern.stateDir }), /identity/);
    await peer.close();
  },
);

test(
  'R-25 bounds of a server are kept by the kernel and cannot be raised',
  { skip: NO_PRLIMIT },
  async () => {
    const peer = await connect('limited');
    const limits = await ask(peer, 'limits');
    assert.match(limits, /Max open files +200 +200 /);
    assert.match(limits, /Max file size +4096 +4096 /);
    assert.match(limits, /Max cpu time +60 +60 /);
    await peer.close();
  },
);

test(
  'R-18 a server runs as the user that is configured',
  { skip: !IS_ROOT && 'root alone can choose' },
  async () => {
    const peer = await connect('nobody');
    assert.equal(await ask(peer, 'identity'), '65534:65533');
    await peer.close();
  },
);

test('R-11 a directory that is not there is told at the start, and the other servers work', async () => {
  const { fields } = await postern.logged(({ event }) => event === 'upstream.path_missing');
  const setting = 'servers.lost.stdio.cwd';
  assert.deepEqual(fields, { server: 'lost', setting, path: '/nonexist' });
});

test('R-18 a sandbox that cannot be meant so is a mistake that is told', async () => {
  const directory = await mkdtemp(join(tmpdir(), 'postern-config-'));
  const file = join(directory, 'postern.yaml');
  const servers = [
    'files: { stdio: { command: node, sandbox: no_network, writable: [/srv], readable: [/srv] } }',
    'fetched: { stdio: { command: npx, args: [-y, x], sandbox: strict } }',
  ];
  await writeFile(file, `version: 1\nservers:\n  ${servers.join('\n  ')}\n`);
  const { code, stderr } = await runPostern('check', '--config', file);
  assert.equal(code, 78);
  for (const key of ['readable', 'writable']) {
    assert.match(stderr, new RegExp(`${key}.*strict sandbox alone`));
  }
  assert.match(stderr, /npx fetches what it runs/);
  const boxed = '{ command: node, sandbox: strict, readable: [gone], writable: [., /nonexist] }';
  await writeFile(file, `version: 1\nservers:\n  boxed:\n    stdio: ${boxed}\n`);
  const second = await runPostern('check', '--config', file);
  assert.equal(second.code, 78);
  assert.ok(second.stderr.includes(`${file}:4: servers.boxed.stdio.writable: /nonexist does not`));
  assert.ok(second.stderr.includes(`${file}:4: servers.boxed.stdio.readable: ${directory}/gone`));
  assert.match(second.stderr, /POSTERN_CONFIG_PATH_MISSING/);
  await rm(directory, { recursive: true });
});
