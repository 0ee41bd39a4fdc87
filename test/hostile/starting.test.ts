/** How a gateway starts: not at all, or ready; and again after it was killed half way. */
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync } from 'node:fs';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import type { AddressInfo, Server } from 'node:net';
import { connect, createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import type { TestContext } from 'node:test';
import { pqFetch } from '../support/clients.ts';
import { startTestPostern } from '../support/postern.ts';
import { until } from '../support/until.ts';
import { descendantsOf, isRunning, NO_PROC } from './support/processes.ts';
import { hostileServer, tinyServer } from './support/programs.ts';
import { McpSession } from './support/session.ts';

const LAUNCHER = join(import.meta.dirname, '../../bin/postern.js');
const EX_UNAVAILABLE = 69;

async function occupy(t: TestContext): Promise<number> {
  const server: Server = createServer();
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  t.after(() => server.close());
  return (server.address() as AddressInfo).port;
}

async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  server.close();
  await once(server, 'close');
  return port;
}

/** A directory with a configuration; JSON is YAML. */
async function configure(t: TestContext, settings: object): Promise<string> {
  const directory = await mkdtemp(join(tmpdir(), 'postern-start-'));
  t.after(() => rm(directory, { recursive: true }));
  const config = { version: 1, state_dir: 'state', servers: { tiny: tinyServer() }, ...settings };
  await writeFile(join(directory, 'postern.yaml'), JSON.stringify(config));
  return directory;
}

function launch(directory: string, ...options: string[]) {
  const config = join(directory, 'postern.yaml');
  return spawn(process.execPath, [LAUNCHER, 'up', '--config', config, ...options], {
    stdio: ['ignore', 'pipe', 'pipe'],
  });
}

const BUSY = {
  listener: (port: number) => ({
    listeners: [
      { name: 'first', address: '127.0.0.1:0' },
      { name: 'main', address: `127.0.0.1:${port}` },
    ],
    admin: { address: '127.0.0.1:0' },
  }),
  admin: (port: number) => ({
    listeners: [{ name: 'main', address: '127.0.0.1:0' }],
    admin: { address: `127.0.0.1:${port}` },
  }),
};
for (const [what, settings] of Object.entries(BUSY)) {
  test(`R-10 a busy port of the ${what} ends the start with 69 and says so`, async (t) => {
    const port = await occupy(t);
    const directory = await configure(t, settings(port));
    const child = launch(directory);
    const output: string[] = [];
    child.stderr.on('data', (chunk: Buffer) => output.push(chunk.toString()));
    const [code] = (await once(child, 'close')) as [number];
    assert.equal(code, EX_UNAVAILABLE);
    assert.match(output.join(''), new RegExp(`error .*127\\.0\\.0\\.1:${port}`));
    assert.match(output.join(''), /or stop the program that uses it/);
  });
}

test('R-10 the port opens when calls are served, and not before', async (t) => {
  const port = await freePort();
  const starting = startTestPostern({
    servers: { target: hostileServer() },
    listeners: [{ name: 'main', address: `127.0.0.1:${port}` }],
  });
  let open = false;
  let refused = 0;
  await until('the port is open', async () => {
    open = await connects(port);
    if (!open) refused += 1;
    return open;
  });
  assert.ok(refused > 0, 'the test began before the gateway did');
  const postern = await starting;
  t.after(() => postern.stop());
  const http = pqFetch(postern);
  const session = await McpSession.open(http.fetch, postern.url('target'));
  assert.ok((await session.call('echo')).message?.result);
  await http.close();
  // Whoever got in first was under the policy of the file already.
  const events = postern.log().map(({ event }) => event);
  assert.ok(events.indexOf('policy.loaded') < events.indexOf('tls.connected'));
});

test(
  'R-10 a start that is killed half way does not spoil the next',
  { skip: NO_PROC },
  async (t) => {
    const directory = await configure(t, {
      listeners: [{ name: 'main', address: '127.0.0.1:0' }],
      admin: { address: '127.0.0.1:0' },
    });
    const stateDir = join(directory, 'state');
    for (const moment of [stateDir, join(stateDir, 'identity')]) {
      const child = launch(directory);
      const { pid = 0 } = child;
      await until('it has begun', () => existsSync(moment));
      const descendants = descendantsOf(pid);
      child.kill('SIGKILL');
      await once(child, 'close');
      await until('nothing of it is left', () => !descendants.some(isRunning));
    }
    const child = launch(directory, '--json');
    const [summary] = (await once(child.stdout, 'data')) as [Buffer];
    assert.match(summary.toString(), /"endpoint"/);
    child.kill('SIGTERM');
    const [code] = (await once(child, 'close')) as [number];
    assert.equal(code, 0);
  },
);

async function connects(port: number): Promise<boolean> {
  const socket = connect({ host: '127.0.0.1', port });
  try {
    await once(socket, 'connect');
    return true;
  } catch {
    return false;
  } finally {
    socket.destroy();
  }
}
