/** Client certificates that prove nothing, and listeners that demand one. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { TestContext } from 'node:test';
import type { TcpNetConnectOpts } from 'node:net';
import type { ConnectionOptions } from 'node:tls';
import { connect } from 'node:tls';
import { issueClient } from '#identity';
import { createAuthority } from '../support/certificates.ts';
import type { TestPostern } from '../support/postern.ts';
import { startTestPostern } from '../support/postern.ts';
import { tinyServer } from './support/programs.ts';

type ClientOptions = ConnectionOptions & Pick<TcpNetConnectOpts, 'localAddress'>;

async function start(t: TestContext, demand: 'optional' | 'required'): Promise<TestPostern> {
  const postern = await startTestPostern({
    servers: { tiny: tinyServer() },
    listeners: [{ name: 'main', address: '127.0.0.1:0', tls: { client_certificates: demand } }],
  });
  t.after(() => postern.stop());
  return postern;
}

/** What a client gets that sends a request right after its own part of the handshake. */
function request(postern: TestPostern, options: ClientOptions): Promise<string> {
  const { port } = new URL(postern.endpoint);
  return new Promise((resolve) => {
    const socket = connect({
      host: '127.0.0.1',
      port: Number(port),
      ca: postern.ca,
      ecdhCurve: 'X25519MLKEM768',
      ...options,
    });
    let received = '';
    socket.once('secureConnect', () => {
      socket.write('GET /nowhere HTTP/1.1\r\nHost: 127.0.0.1\r\nConnection: close\r\n\r\n');
    });
    socket.on('data', (chunk: Buffer) => {
      received += chunk.toString('latin1');
    });
    socket.on('error', () => undefined);
    socket.once('close', () => resolve(received));
  });
}

/** Fields of the newest refusal, once there are so many. */
async function refusal(postern: TestPostern, count: number): Promise<Record<string, unknown>> {
  const all = (): readonly Record<string, unknown>[] =>
    postern.log().filter((line) => line['event'] === 'tls.handshake_refused');
  await postern.logged(() => all().length >= count);
  assert.equal(all().length, count);
  return all().at(-1)?.['fields'] as Record<string, unknown>;
}

for (const demand of ['optional', 'required'] as const) {
  test(`R-08 R-13 a foreign authority’s certificate is refused where one is ${demand}`, async (t) => {
    const postern = await start(t, demand);
    let refused = 0;
    for (const kind of ['ML-DSA-65', 'P-256'] as const) {
      const foreign = await (await createAuthority(kind)).issue({ kind });
      const client = { key: foreign.keyPem, cert: foreign.certPem };
      assert.equal(await request(postern, client), '');
      refused += 1;
      const fields = await refusal(postern, refused);
      assert.equal(fields['kind'], 'bad_certificate');
      // Also from another address of this machine: who it was is told right.
      assert.equal(await request(postern, { ...client, localAddress: '127.0.0.2' }), '');
      refused += 1;
      assert.equal((await refusal(postern, refused))['source'], '127.0.0.2');
    }
    const alice = await issueClient(postern.stateDir, 'alice');
    const [leaf = ''] = alice.chainPem.split(/(?<=-----END CERTIFICATE-----\n)/);
    assert.equal(
      await request(postern, { key: alice.keyPem, cert: leaf }),
      '',
      'without its chain',
    );
    const served = await request(postern, { key: alice.keyPem, cert: alice.chainPem });
    assert.match(served, /^HTTP\/1\.1 404 /);
    if (demand === 'optional') return;
    assert.equal(await request(postern, {}), '', 'without any');
    assert.equal((await refusal(postern, refused + 2))['kind'], 'no_certificate');
  });
}
