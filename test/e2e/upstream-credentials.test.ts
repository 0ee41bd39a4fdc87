/** Credentials for servers that change while the gateway runs, in one gateway. */
import assert from 'node:assert/strict';
import { mkdtemp, rm } from 'node:fs/promises';
import type { Server } from 'node:http';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { once } from 'node:events';
import { after, before, test } from 'node:test';
import { ANSWER } from '../support/http-upstream.ts';
import type { Caller } from '../support/identified.ts';
import { callerNamed } from '../support/identified.ts';
import type { TestPostern } from '../support/postern.ts';
import { startTestPostern } from '../support/postern.ts';
import type { RawAnswer } from '../support/raw.ts';
import { request, send } from '../support/raw.ts';
import { replaceFile } from '../support/replace-file.ts';

const HEADER = 'Authorization';
/** What the server takes, by path. */
const wanted = new Map<string | undefined, string>();

let directory: string;
let server: Server;
let postern: TestPostern;
let caller: Caller;

before(async () => {
  directory = await mkdtemp(join(tmpdir(), 'postern-tokens-'));
  server = createServer((incoming, response) => {
    const fits = incoming.headers.authorization === wanted.get(incoming.url);
    response.writeHead(fits ? 200 : 401, { 'content-type': 'application/json' });
    response.end(fits ? ANSWER : '');
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  const remote = (name: string, value: object) => ({
    http: { url: `http://127.0.0.1:${port}/${name}`, headers: { [HEADER]: value } },
  });
  await token('file', 'file-one');
  await token('command', 'command-one');
  postern = await startTestPostern({
    servers: {
      file: remote('file', { file: join(directory, 'file'), prefix: 'Bearer ' }),
      command: remote('command', { command: ['/bin/cat', join(directory, 'command')] }),
      late: remote('late', { file: join(directory, 'late') }),
    },
  });
  caller = await callerNamed(postern, null);
});
after(async () => {
  await caller.close();
  await postern.stop();
  server.close();
  server.closeAllConnections();
  await rm(directory, { recursive: true });
});

function token(name: string, text: string): Promise<void> {
  return replaceFile(join(directory, name), `${text}\n`);
}

async function ping(name: string): Promise<RawAnswer> {
  return send(caller.fetch, postern.url(name), request(1, 'ping'));
}

function codeOf({ message }: RawAnswer): unknown {
  return (message?.['error'] as { data?: { code?: unknown } } | undefined)?.data?.code;
}

async function rotated(name: string): Promise<void> {
  const line = await postern.logged(
    ({ event, fields }) =>
      event === 'credential.rotated' && (fields as { upstream?: unknown }).upstream === name,
  );
  assert.equal((line['fields'] as { header?: unknown }).header, HEADER);
}

test('R-21 a token in a file is used from when the file changes on', async () => {
  wanted.set('/file', 'Bearer file-one');
  assert.equal(codeOf(await ping('file')), undefined);
  await token('file', 'file-two');
  await rotated('file');
  wanted.set('/file', 'Bearer file-two');
  assert.equal(codeOf(await ping('file')), undefined);
});

test('R-21 a server that refuses a token has the command run again', async () => {
  wanted.set('/command', 'command-one');
  assert.equal(codeOf(await ping('command')), undefined);
  await token('command', 'command-two');
  wanted.set('/command', 'command-two');
  assert.equal(codeOf(await ping('command')), 'POSTERN_UPSTREAM_CREDENTIALS_REFUSED');
  await rotated('command');
  assert.equal(codeOf(await ping('command')), undefined);
});

test('R-21 until there is a token calls fail with the reason; then they work', async () => {
  wanted.set('/late', 'late-one');
  assert.equal(codeOf(await ping('late')), 'POSTERN_UPSTREAM_CREDENTIAL_UNAVAILABLE');
  const alert = await postern.logged(({ event }) => event === 'credential.unusable');
  assert.match(JSON.stringify(alert), /from file .*late.*ENOENT/);
  await token('late', 'late-one');
  await rotated('late');
  assert.equal(codeOf(await ping('late')), undefined);
});

test('no value is in the log or in the record', async () => {
  const written = JSON.stringify([postern.log(), await postern.record()]);
  assert.match(written, /credential\.rotated/);
  assert.doesNotMatch(written, /(?:file|command|late)-(?:one|two)/);
});
