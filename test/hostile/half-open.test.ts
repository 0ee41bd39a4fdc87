/** Clients that begin and do not go on: each is let go within its limit, and others are served. */
import assert from 'node:assert/strict';
import { once } from 'node:events';
import type { Socket } from 'node:net';
import { connect } from 'node:net';
import { after, before, test } from 'node:test';
import { pqFetch } from '../support/clients.ts';
import type { TestPostern } from '../support/postern.ts';
import { startTestPostern } from '../support/postern.ts';
import { tinyServer } from './support/programs.ts';
import { RawConnection } from './support/raw-http.ts';
import { McpSession } from './support/session.ts';

const HANDSHAKE_MS = 300;
const HEADERS_MS = 300;
const REQUEST_MS = 600;
/** What a loaded machine may be late. */
const LATE_MS = 5000;

let postern: TestPostern;
before(async () => {
  postern = await startTestPostern({
    servers: { tiny: tinyServer() },
    limits: {
      handshake_timeout_ms: HANDSHAKE_MS,
      headers_timeout_ms: HEADERS_MS,
      request_timeout_ms: REQUEST_MS,
    },
  });
});
after(() => postern.stop());

/** What a plain TCP client receives until the gateway closes, and after how many milliseconds. */
async function talk(bytes: Buffer): Promise<{ received: Buffer; ms: number }> {
  const socket: Socket = connect({ host: '127.0.0.1', port: portOf(postern) });
  const startedAt = performance.now();
  const chunks: Buffer[] = [];
  socket.on('data', (chunk: Buffer) => chunks.push(chunk));
  socket.on('error', () => undefined);
  if (bytes.length > 0) socket.write(bytes);
  await once(socket, 'close');
  return { received: Buffer.concat(chunks), ms: performance.now() - startedAt };
}

function portOf({ endpoint }: TestPostern): number {
  return Number(new URL(endpoint).port);
}

async function assertRefused(kind: string): Promise<void> {
  await postern.logged(
    ({ event, fields }) =>
      event === 'tls.handshake_refused' && (fields as { kind?: string }).kind === kind,
  );
}

async function assertServes(): Promise<void> {
  const http = pqFetch(postern);
  const session = await McpSession.open(http.fetch, postern.url('tiny'));
  await session.end();
  await http.close();
}

function assertWithin(ms: number, limitMs: number): void {
  assert.ok(ms >= limitMs * 0.9 && ms < limitMs + LATE_MS, `closed after ${Math.round(ms)} ms`);
}

test('plain HTTP is told to use https', async () => {
  for (const method of ['GET', 'POST', 'OPTIONS']) {
    const request = `${method} /servers/tiny/mcp HTTP/1.1\r\nHost: localhost\r\n\r\n`;
    const { received } = await talk(Buffer.from(request));
    assert.match(received.toString(), /^HTTP\/1\.1 400 .*\r\n\r\nThis port speaks TLS 1\.3 only/s);
  }
  await assertRefused('not_tls');
});

test('bytes that are neither TLS nor HTTP end the connection without a word', async () => {
  const ssl2 = '802e0100020015000000100700c0030080010080060040';
  for (const bytes of [Buffer.from(ssl2, 'hex'), Buffer.alloc(65_536), Buffer.from('\r\n')]) {
    const { received } = await talk(bytes);
    assert.equal(received.length, 0);
  }
});

test('R-08 garbage in a handshake record gets an alert', async () => {
  const notAHello = Buffer.concat([Buffer.from('1603010064', 'hex'), Buffer.alloc(100, 0x41)]);
  const tooLong = Buffer.concat([Buffer.from('160301ffff', 'hex'), Buffer.alloc(1000, 1)]);
  for (const bytes of [notAHello, tooLong]) {
    const { received } = await talk(bytes);
    assert.equal(received.length, 7);
    assert.equal(received[0], 21);
  }
});

test('a client that says nothing, or stops amid its hello, is let go', async () => {
  const beginning = Buffer.from('16030106120100060e0303', 'hex');
  const [silent, cut, single] = await Promise.all([
    talk(Buffer.alloc(0)),
    talk(beginning),
    talk(beginning.subarray(0, 1)),
    assertServes(),
  ]);
  for (const { received, ms } of [silent, cut, single]) {
    assert.equal(received.length, 0);
    assertWithin(ms, HANDSHAKE_MS);
  }
  await assertRefused('timeout');
});

const HEAD =
  'POST /servers/tiny/mcp HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Type: application/json\r\n';
const SLOW: Readonly<Record<string, { bytes: string; limitMs: number }>> = {
  'no request after the handshake': { bytes: '', limitMs: HEADERS_MS },
  'headers that do not end': { bytes: `${HEAD}X-Slow: `, limitMs: HEADERS_MS },
  'a body that does not end': { bytes: `${HEAD}Content-Length: 100\r\n\r\n{`, limitMs: REQUEST_MS },
  'a chunk that does not come': {
    bytes: `${HEAD}Transfer-Encoding: chunked\r\n\r\nff\r\n{`,
    limitMs: REQUEST_MS,
  },
};
for (const [what, { bytes, limitMs }] of Object.entries(SLOW)) {
  test(`slow loris: ${what} is answered 408 in time`, async () => {
    const connection = await RawConnection.open(postern);
    const startedAt = performance.now();
    connection.write(bytes);
    // A byte now and then does not help.
    const drip = setInterval(() => bytes !== '' && connection.write('x'), 50);
    const response = await connection.response();
    clearInterval(drip);
    assertWithin(performance.now() - startedAt, limitMs);
    assert.equal(response?.status, 408);
    assert.match(response?.body ?? '', /POSTERN_REQUEST_TOO_SLOW/);
    await connection.close();
  });
}

test('500 half-open clients at once keep nobody from being served', async () => {
  const waiting = Array.from({ length: 500 }, () => talk(Buffer.alloc(0)));
  await assertServes();
  for (const { ms } of await Promise.all(waiting)) assertWithin(ms, HANDSHAKE_MS);
});
