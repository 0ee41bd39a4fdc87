import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { readdirSync, readFileSync } from 'node:fs';
import { chmod, mkdir, mkdtemp, realpath, rm, writeFile } from 'node:fs/promises';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { pqFetch } from '../support/clients.ts';
import type { Peer } from '../support/peer.ts';
import { connectV2 } from '../support/peer.ts';
import type { TestPostern } from '../support/postern.ts';
import { startTestPostern } from '../support/postern.ts';
import { until } from '../support/until.ts';
import { http, programAt } from '../support/transports.ts';

const ROOT = join(import.meta.dirname, '../..');
const PRYING = programAt('test/fixtures/prying-stdio.ts');
/** As npm installs it: a link to a script, whose first line looks for node on the PATH. */
const EVERYTHING = join(ROOT, 'node_modules/.bin/mcp-server-everything');
const FILES = 'node_modules/@modelcontextprotocol/server-filesystem/dist/index.js';
const NOBODY = { uid: 65_534, gid: 65_533 };
const BWRAP = ['--unshare-user', '--unshare-net', '--unshare-pid', '--ro-bind', '/', '/', '--'];
const IS_ROOT = process.getuid?.() === 0;
const ABSTRACT = `postern-test-${process.pid}`;

/** The number of keyctl(2), as perl wants it. */
const KEYCTL = process.arch === 'arm64' ? 219 : 250;
/** Tells one process from all others. */
const SECONDS = `${100_000 + process.pid}`;

const NO_BWRAP = spawnSync('bwrap', [...BWRAP, 'true']).status !== 0 && 'bwrap does not work here';

/** What the gateway has, and programs in the sandbox are to see but for the secrets. */
const APP = await mkdtemp(join(tmpdir(), 'postern-app-'));
const WRITABLE = await mkdtemp(join(tmpdir(), 'postern-writable-'));
const HOME = await mkdtemp(join(tmpdir(), 'postern-home-'));
const KEYS = join(APP, 'private', 'sealing.keys');
const TOKEN = join(APP, 'token');

const abstract = createServer((socket) => socket.destroy());
let postern: TestPostern;
let link: ReturnType<typeof pqFetch>;

before(async () => {
  await mkdir(join(APP, 'private'));
  await writeFile(KEYS, `${Buffer.alloc(32, 7).toString('base64')}\n`, { mode: 0o600 });
  await writeFile(TOKEN, 'secret', { mode: 0o600 });
  await writeFile(join(APP, 'data'), 'for everybody');
  await writeFile(join(HOME, '.npmrc'), 'secret');
  process.env['HOME'] = HOME;
  await chmod(APP, 0o755);
  await chmod(WRITABLE, 0o777);
  abstract.listen(`\0${ABSTRACT}`);
  await once(abstract, 'listening');
  const packages = [ROOT, await realpath(join(ROOT, 'node_modules'))];
  const strict = { sandbox: 'strict', readable: [...packages, APP] };
  const env = { TOKEN: { file: TOKEN } };
  const files = programAt(FILES, APP, WRITABLE);
  const stdio = {
    strict: { ...PRYING, ...strict, writable: [WRITABLE], env },
    everything: { command: EVERYTHING, args: ['stdio'], ...strict },
    files: { ...files, ...strict, writable: [WRITABLE] },
    blind: { ...PRYING, sandbox: 'strict', cwd: APP },
    meddling: { ...PRYING, ...strict, writable: [join(ROOT, 'docs')] },
    greedy: { ...PRYING, ...strict, writable: [APP] },
    ...(IS_ROOT ? { nobody: { ...PRYING, ...strict, writable: [WRITABLE], run_as: NOBODY } } : {}),
  };
  const servers = Object.entries(stdio).map(([name, one]) => [name, { stdio: one }]);
  postern = await startTestPostern({ servers: Object.fromEntries(servers), sealing_keys: KEYS });
  link = pqFetch(postern);
});
after(async () => {
  await link.close();
  await postern.stop();
  await until('the sandbox has ended with all that was in it', () => !hasLeftOver());
  abstract.close();
  await Promise.all([APP, WRITABLE, HOME].map((directory) => rm(directory, { recursive: true })));
});

function connect(server: string): Promise<Peer> {
  return connectV2(http(2, postern.url(server), link.fetch));
}

async function ask(peer: Peer, tool: string, args: Record<string, unknown> = {}): Promise<string> {
  const result = (await peer.call(tool, args)) as { content: readonly { text: string }[] };
  return result.content[0]?.text ?? '';
}

/** What must hold for whatever user the program runs as. */
async function isShutIn(peer: Peer, server: string): Promise<void> {
  const port = Number(new URL(postern.endpoint).port);
  const list = (path: string): Promise<string> => ask(peer, 'list', { path });
  const read = (path: string): Promise<string> => ask(peer, 'read', { path });
  const write = (path: string): Promise<string> => ask(peer, 'write', { path });
  for (const path of [postern.stateDir, postern.directory, '/etc/ssh', '/boot', '/run/lock']) {
    assert.equal(await list(path), 'ENOENT', path);
  }
  assert.equal(await list(HOME), '');
  assert.equal(await read('/etc/shadow'), 'ENOENT');
  for (const path of [KEYS, TOKEN]) assert.equal(await read(path), 'ENOENT', path);
  assert.deepEqual((await list(APP)).split(','), ['data', 'private']);
  assert.equal(await read(join(APP, 'data')), 'for everybody');
  assert.equal(await write(join(WRITABLE, server)), 'written');
  for (const path of [join(APP, 'data'), join(import.meta.dirname, 'x'), '/x', '/etc/passwd']) {
    assert.match(await write(path), /^(?:EROFS|EACCES)$/, path);
  }
  assert.equal(await write('/tmp/of-its-own'), 'written');
  // It has a loopback of its own, on which nobody listens, and abstract sockets of its own.
  assert.equal(await ask(peer, 'connect', { port }), 'ECONNREFUSED');
  assert.equal(await ask(peer, 'connect-abstract', { name: ABSTRACT }), 'ECONNREFUSED');
  // What is not there gets no signals, and shows no memory.
  const commands = await ask(peer, 'processes');
  assert.match(commands, /prying-stdio/);
  assert.doesNotMatch(commands, /bin\/postern\.js/);
  // With any, root takes the mounts away again; without, the kernel's settings are still its files.
  assert.match(await read('/proc/self/status'), /^CapEff:\t0+$/m);
  assert.match(await read('/proc/self/status'), /^NoNewPrivs:\t1$/m);
  assert.equal(await ask(peer, 'writable-settings'), '');
  // A user namespace of its own would give it capabilities, and keyrings are the gateway's too.
  assert.match(await read('/proc/self/status'), /^Seccomp:\t2$/m);
  const unshare = ['unshare', '--user', 'true'];
  assert.match(await ask(peer, 'run', { words: unshare }), /Operation not permitted/);
  const perl = ['perl', '-e', `print syscall(${KEYCTL}, 0, -3, 0), " $!"`];
  assert.match(await ask(peer, 'run', { words: perl }), /^0: -1 Operation not permitted|^null:/);
  const [first, second] = ['/proc/1/fd', '/proc/self/fd'].map((path) =>
    ask(peer, 'links', { path }),
  );
  for (const links of [await first, await second])
    assert.doesNotMatch(links ?? '', /postern|jsonl/);
}

test('R-18 the strict sandbox is shut, whoever runs the gateway', { skip: NO_BWRAP }, async () => {
  const peer = await connect('strict');
  await isShutIn(peer, 'strict');
  const known = /^(?:HOME|LOGNAME|NODE_\w+|PATH|PWD|SHELL|TERM|TOKEN|USER|_)$/;
  const names = (await ask(peer, 'variables')).split(',');
  for (const name of names) assert.match(name, known);
  assert.ok(names.includes('PATH') && names.includes('TOKEN'));
  const leave = `setsid --fork sleep ${SECONDS} < /dev/null > /dev/null 2>&1`;
  await ask(peer, 'run', { words: ['sh', '-c', leave] });
  await until('what left the process group runs', hasLeftOver);
  await peer.close();
});

/** Whether the process that left its group in the sandbox is there, as the machine sees it. */
function hasLeftOver(): boolean {
  return readdirSync('/proc').some((pid) => {
    try {
      return (
        /^\d/.test(pid) && readFileSync(`/proc/${pid}/cmdline`, 'utf8') === `sleep\0${SECONDS}\0`
      );
    } catch {
      return false;
    }
  });
}

test(
  'R-18 as another user it is as shut, though that user cannot see what is hidden',
  { skip: NO_BWRAP || (!IS_ROOT && 'root alone can choose') },
  async () => {
    const peer = await connect('nobody');
    assert.equal(await ask(peer, 'identity'), '65534:65533');
    await isShutIn(peer, 'nobody');
    await peer.close();
  },
);

test('R-23 real servers work in the strict sandbox', { skip: NO_BWRAP }, async () => {
  const everything = await connect('everything');
  assert.match(await ask(everything, 'echo', { message: 'here' }), /here/);
  const files = await connect('files');
  const note = join(WRITABLE, 'note');
  assert.match(await ask(files, 'read_text_file', { path: join(APP, 'data') }), /everybody/);
  assert.match(await ask(files, 'write_file', { path: note, content: 'x' }), /wrote/);
  assert.match(
    await ask(files, 'write_file', { path: join(APP, 'n'), content: 'x' }),
    /EROFS|read-only/,
  );
  await Promise.all([everything.close(), files.close()]);
});

test('R-18 what a sandbox does not show, or must not, is told', { skip: NO_BWRAP }, async () => {
  await assert.rejects(connect('blind'), /does not show .*prying-stdio\.ts.*"readable"/s);
  await assert.rejects(connect('meddling'), /docs cannot be writable/);
  await assert.rejects(connect('greedy'), /postern-app.* cannot be writable, since it must not/s);
});
