/** A client's certificate is revoked while it is connected. */
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import type { TLSSocket } from 'node:tls';
import { connect, createServer } from 'node:tls';
import { issueClient } from '#identity';
import { runPostern } from '../support/cli.ts';
import type { EventReader } from '../support/event-reader.ts';
import { readEvents } from '../support/event-reader.ts';
import type { Caller } from '../support/identified.ts';
import { callerNamed } from '../support/identified.ts';
import type { TestPostern } from '../support/postern.ts';
import { startTestPostern } from '../support/postern.ts';
import { openSession, request, send } from '../support/raw.ts';
import { programAt } from '../support/transports.ts';
import { until } from '../support/until.ts';

let postern: TestPostern;
let other: Caller;
before(async () => {
  postern = await startTestPostern({
    servers: { program: { stdio: programAt('test/fixtures/interruptible-stdio.ts') } },
    limits: { prime_after_ms: 50 },
  });
  other = await callerNamed(postern, 'other');
});
after(async () => {
  await other.close();
  await postern.stop();
});

const DECLARED = { 'mcp-protocol-version': '2025-11-25' };
const RESUME = { name: 'resume', arguments: {} };

async function inFlight(): Promise<number> {
  const status = (await (await fetch(postern.admin)).json()) as { calls_in_flight: number };
  return status.calls_in_flight;
}

interface Credential {
  readonly keyPem: string;
  readonly chainPem: string;
}

/** A connection whose handshake is over on both sides. */
async function connectAs({ keyPem, chainPem }: Credential): Promise<TLSSocket> {
  const port = Number(new URL(postern.endpoint).port);
  const tls = { ca: postern.ca, key: keyPem, cert: chainPem, ecdhCurve: 'X25519MLKEM768' };
  const socket = connect({ host: '127.0.0.1', port, ...tls });
  socket.on('error', () => undefined);
  await once(socket, 'secureConnect');
  socket.write('GET /none HTTP/1.1\r\nHost: localhost\r\n\r\n');
  await Promise.race([once(socket, 'data'), once(socket, 'close')]);
  return socket;
}

test('R-13 a revoked certificate ends its connections at once and makes no more', async () => {
  const credential = await issueClient(postern.stateDir, 'agent');
  const session = await openSession(other.fetch, postern.url('program'));
  const open = await connectAs(credential);
  assert.equal(open.destroyed, false);
  const closed = once(open, 'close');
  const { code, stdout } = await runPostern('cert', 'revoke', 'agent', '--state', postern.stateDir);
  assert.equal(code, 0, stdout);
  await closed;
  const { fields } = await postern.logged(({ event }) => event === 'tls.connections_revoked');
  assert.deepEqual(fields, { listener: 'main', connections: 1 });

  const again = await connectAs(credential);
  assert.equal(again.destroyed, true);
  await postern.logged(
    ({ event, fields: told }) =>
      event === 'tls.handshake_refused' &&
      (told as { kind?: unknown }).kind === 'revoked_certificate',
  );
  const answer = await send(other.fetch, postern.url('program'), request(1, 'ping'), session);
  assert.equal(answer.status, 200);
});

test('R-13 R-16 calls that go on without their client end when its certificate is revoked', async () => {
  const leaving = await callerNamed(postern, 'gone');
  const url = postern.url('program');
  const session = { ...(await openSession(leaving.fetch, url)), ...DECLARED };
  const begin = async (id: number): Promise<EventReader> => {
    const call = await readEvents(leaving.fetch, url, request(id, 'tools/call', RESUME), session);
    await call.next();
    return call;
  };
  await (await begin(1)).cut();
  // The connection of this one is there until the revocation ends it.
  await begin(2);
  await until('two calls wait', async () => (await inFlight()) === 2);
  await runPostern('cert', 'revoke', 'gone', '--state', postern.stateDir);
  await until('no call is left', async () => (await inFlight()) === 0);
  await leaving.close();
});

test('R-13 who was revoked may come back with a new certificate', async () => {
  const socket = await connectAs(await issueClient(postern.stateDir, 'agent'));
  assert.equal(socket.destroyed, false);
  socket.destroy();
});

test('R-13 the published lists make another verifier refuse it too', async (t) => {
  const revoked = await issueClient(postern.stateDir, 'leaver');
  const good = await issueClient(postern.stateDir, 'stayer');
  await runPostern('cert', 'revoke', 'leaver', '--state', postern.stateDir);
  const list = (name: string) => readFile(join(postern.stateDir, 'identity/crl', name), 'utf8');
  const server = createServer({
    key: good.keyPem,
    cert: good.chainPem,
    ca: postern.ca,
    crl: [await list('pq.crl'), await list('pq-root.crl')],
    requestCert: true,
    rejectUnauthorized: true,
  });
  await once(server.listen(0, '127.0.0.1'), 'listening');
  t.after(() => server.close());
  const { port } = server.address() as { port: number };
  const outcome = async ({ keyPem, chainPem }: Credential): Promise<string> => {
    const tls = { key: keyPem, cert: chainPem, rejectUnauthorized: false };
    const client = connect({ host: '127.0.0.1', port, ...tls }).on('error', () => undefined);
    const ended = Promise.race([
      once(server, 'secureConnection').then(() => 'taken'),
      once(server, 'tlsClientError').then(() => 'refused'),
    ]);
    const result = await ended;
    client.destroy();
    return result;
  };
  assert.equal(await outcome(good), 'taken');
  assert.equal(await outcome(revoked), 'refused');
});

test('R-13 R-05 connections of clients below retired roots end with them; others go on', async () => {
  const rotated = (): number =>
    postern.log().filter(({ event }) => event === 'identity.rotated').length;
  const change = async (...args: readonly string[]): Promise<void> => {
    const earlier = rotated();
    const { code, stderr } = await runPostern('ca', ...args, '--state', postern.stateDir);
    assert.equal(code, 0, stderr);
    await postern.logged(() => rotated() > earlier);
  };
  const former = await connectAs(await issueClient(postern.stateDir, 'agent'));
  await change('rotate', '--root');
  const latter = await connectAs(await issueClient(postern.stateDir, 'agent'));
  const closed = once(former, 'close');
  await change('retire');
  await closed;
  assert.equal(latter.destroyed, false);
  latter.destroy();
});
