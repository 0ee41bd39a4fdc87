import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { connect } from 'node:net';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import type { Caller } from '../support/identified.ts';
import { callerNamed } from '../support/identified.ts';
import type { TestPostern } from '../support/postern.ts';
import { ALLOW_ALL, startTestPostern } from '../support/postern.ts';
import { initialize, openSession, request, send } from '../support/raw.ts';
import { programAt } from '../support/transports.ts';

const PROGRAM = { stdio: programAt('test/fixtures/stateful-stdio.ts') };
const ONLY_BOB = { rules: [{ id: 'only-bob', effect: 'allow', principals: ['bob'] }] };

let postern: TestPostern;
let caller: Caller;

before(async () => {
  postern = await startTestPostern({
    servers: { program: PROGRAM },
    listeners: [
      { name: 'main', address: '127.0.0.1:0' },
      { name: 'plain', address: '127.0.0.1:0', tls: 'off' },
    ],
  });
  caller = await callerNamed(postern, null);
});
after(async () => {
  await caller.close();
  await postern.stop();
});

test('R-16 R-18 a stream that policy no longer permits ends at once', async () => {
  const url = postern.url('program');
  const session = await openSession(caller.fetch, url);
  const stream = await caller.fetch(url, {
    headers: { ...session, accept: 'text/event-stream' },
  });
  assert.equal(stream.status, 200);
  const ended = stream.text().catch(() => 'cut off');
  await postern.applyPolicy(ONLY_BOB);
  await ended;
  const answer = await send(caller.fetch, url, request(1, 'ping'), session);
  assert.equal(answer.status, 403);
  await postern.applyPolicy(ALLOW_ALL);
});

test('R-14 a stranger’s message is refused before it is read', async () => {
  await postern.applyPolicy(ONLY_BOB);
  const answer = await send(caller.fetch, postern.url('program'), 'no message at all');
  assert.equal(answer.status, 403);
  const entries = await postern.record();
  assert.deepEqual(entries.at(-1)?.mcp.kind, 'request');
  assert.deepEqual(entries.at(-1)?.outcome.code, 'POSTERN_SERVER_DENIED');
  await postern.applyPolicy(ALLOW_ALL);
});

test('R-14 a client that asks for a tunnel and resets the connection harms nobody', async () => {
  const { port } = new URL(postern.listener('plain'));
  const socket = connect(Number(port), '127.0.0.1');
  await once(socket, 'connect');
  socket.write('CONNECT example.com:443 HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n');
  await once(socket, 'data');
  socket.resetAndDestroy();
  const answer = await send(caller.fetch, postern.url('program'), initialize());
  assert.equal(answer.status, 200);
});

test('R-18 a server given on the command line is not opened to the network', () => {
  const launcher = join(import.meta.dirname, '../../bin/postern.js');
  const args = ['up', '--listen', '0.0.0.0:0', '--admin', 'off', '--state', postern.stateDir];
  const { status, stderr } = spawnSync(process.execPath, [launcher, ...args, '--', 'true'], {
    encoding: 'utf8',
  });
  assert.equal(status, 64);
  assert.match(stderr, /no policy says who may call/);
});
