/** A listener without TLS, on loopback: what web pages and stray clients can do to it. */
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { connect } from 'node:net';
import { after, before, test } from 'node:test';
import type { TestPostern } from '../support/postern.ts';
import { startTestPostern } from '../support/postern.ts';
import { tinyServer } from './support/programs.ts';
import { LENGTH, request } from './support/raw-request.ts';
import { McpSession } from './support/session.ts';

let postern: TestPostern;
before(async () => {
  postern = await startTestPostern({
    servers: { tiny: tinyServer() },
    listeners: [
      {
        name: 'main',
        address: '127.0.0.1:0',
        tls: 'off',
        allowed_origins: ['https://app.example'],
      },
    ],
    limits: { headers_timeout_ms: 300, request_timeout_ms: 600 },
    policy: {
      p2p_connectivity: { enforce_pqc: false },
      rules: [{ effect: 'allow', principals: ['anonymous'] }],
    },
  });
});
after(() => postern.stop());

/** Everything that comes back until the gateway closes, which it is asked to. */
async function answerTo(bytes: Buffer | string): Promise<string> {
  const socket = connect({ host: '127.0.0.1', port: Number(new URL(postern.endpoint).port) });
  const chunks: Buffer[] = [];
  socket.on('data', (chunk: Buffer) => chunks.push(chunk));
  socket.on('error', () => undefined);
  socket.write(bytes);
  await once(socket, 'close');
  return Buffer.concat(chunks).toString('latin1');
}

const CLOSE = 'Connection: close\r\n';

const REFUSED: Readonly<Record<string, { send: Buffer | string; says: RegExp }>> = {
  'a TLS hello': {
    send: Buffer.from('16030100fa010000f60303', 'hex'),
    says: /^HTTP\/1\.1 400 .*POSTERN_REQUEST_REFUSED/s,
  },
  'two lengths': {
    send: request({ headers: LENGTH + LENGTH }),
    says: /^HTTP\/1\.1 400 .*POSTERN_REQUEST_REFUSED/s,
  },
  'a page under a name that was rebound': {
    send: request({ host: 'rebound.example', headers: CLOSE }),
    says: /^HTTP\/1\.1 403 .*POSTERN_ORIGIN_REFUSED/s,
  },
  'a page of another site': {
    send: request({ headers: `${CLOSE}Origin: https://evil.example\r\n` }),
    says: /^HTTP\/1\.1 403 .*POSTERN_ORIGIN_REFUSED/s,
  },
  'the form of another site': {
    send: request({ headers: CLOSE }).replace('application/json', 'text/plain'),
    says: /^HTTP\/1\.1 415 .*POSTERN_MEDIA_TYPE_REFUSED/s,
  },
  'headers that do not end': {
    send: 'GET / HTTP/1.1\r\nHost: ',
    says: /^HTTP\/1\.1 408 .*POSTERN_REQUEST_TOO_SLOW/s,
  },
  'a body that does not end': {
    send: request({ body: '{' }),
    says: /^HTTP\/1\.1 408 .*POSTERN_REQUEST_TOO_SLOW/s,
  },
};
for (const [what, { send, says }] of Object.entries(REFUSED)) {
  test(`without TLS ${what} is refused`, async () => {
    assert.match(await answerTo(send), says);
  });
}

test('without TLS a page of a named origin is served, and programs are', async () => {
  const page = request({ headers: `${CLOSE}Origin: https://app.example\r\n` });
  assert.match(await answerTo(page), /^HTTP\/1\.1 200 /);
  const session = await McpSession.open(fetch, postern.url('tiny'));
  await session.end();
});
