/** Requests that two readers could take apart differently: each gets one answer, and ends its connection. */
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { pqFetch } from '../support/clients.ts';
import type { TestPostern } from '../support/postern.ts';
import { startTestPostern } from '../support/postern.ts';
import { untilStatus } from './support/processes.ts';
import { tinyServer } from './support/programs.ts';
import { RawConnection } from './support/raw-http.ts';
import { CHUNK, CHUNKED, LENGTH, request } from './support/raw-request.ts';
import type { Refusal } from './support/refusals.ts';
import { REFUSED, testRefusals, testTold } from './support/refusals.ts';
import { McpSession } from './support/session.ts';

let postern: TestPostern;
before(async () => {
  postern = await startTestPostern({
    servers: { tiny: tinyServer() },
    limits: { max_header_bytes: 8192, max_request_bytes: 65_536 },
  });
});
after(() => postern.stop());

const ENCODED = { status: 415, code: 'POSTERN_MEDIA_TYPE_REFUSED' } as const;
const TOO_LONG = { status: 431, code: 'POSTERN_HEADERS_TOO_LARGE' } as const;
const TOO_LARGE = { status: 413, code: 'POSTERN_FRAME_TOO_LARGE' } as const;

const REFUSALS = {
  'both Content-Length and chunked': {
    send: request({ headers: LENGTH + CHUNKED, body: CHUNK }),
    ...REFUSED,
  },
  'chunked before Content-Length': {
    send: request({ headers: CHUNKED + LENGTH, body: CHUNK }),
    ...REFUSED,
  },
  'Content-Length twice': { send: request({ headers: LENGTH + LENGTH }), ...REFUSED },
  'a list of lengths': { send: request({ headers: 'Content-Length: 5, 5\r\n' }), ...REFUSED },
  'a signed length': { send: request({ headers: 'Content-Length: +5\r\n' }), ...REFUSED },
  'a length beyond 64 bits': {
    send: request({ headers: 'Content-Length: 99999999999999999999\r\n' }),
    ...REFUSED,
  },
  'chunked twice': { send: request({ headers: CHUNKED + CHUNKED, body: CHUNK }), ...REFUSED },
  'chunked not last': {
    send: request({ headers: 'Transfer-Encoding: chunked, gzip\r\n', body: CHUNK }),
    ...REFUSED,
  },
  'an unknown transfer coding': {
    send: request({ headers: 'Transfer-Encoding: xchunked\r\n', body: CHUNK }),
    ...REFUSED,
  },
  'chunked in disguise': {
    send: request({ headers: 'Transfer-Encoding : chunked\r\n', body: CHUNK }),
    ...REFUSED,
  },
  'a chunk size that is none': {
    send: request({ headers: CHUNKED, body: 'zz\r\n' }),
    ...REFUSED,
  },
  'a chunk size beyond 64 bits': {
    send: request({ headers: CHUNKED, body: 'fffffffffffffffff\r\n' }),
    ...REFUSED,
  },
  'a long chunk extension': {
    send: request({ headers: CHUNKED, body: `5;${'a'.repeat(20_000)}\r\n` }),
    ...REFUSED,
  },
  'compressed transfer': {
    send: request({ headers: 'Transfer-Encoding: gzip, chunked\r\n', body: CHUNK }),
    ...REFUSED,
  },
  'compressed content': { send: request({ headers: 'Content-Encoding: gzip\r\n' }), ...ENCODED },
  'bare line feeds': { send: request().replaceAll('\r\n', '\n'), ...REFUSED },
  'one bare line feed': { send: request({ headers: 'X-A: a\nX-B: b\r\n' }), ...REFUSED },
  'a folded header': { send: request({ headers: 'X-A: a\r\n b\r\n' }), ...REFUSED },
  'a folded session': { send: request({ headers: 'Mcp-Session-Id: a\r\n\tb\r\n' }), ...REFUSED },
  'a blank before the colon': { send: request({ headers: 'X-A : a\r\n' }), ...REFUSED },
  'a NUL in a header': { send: request({ headers: 'X-A: a\0b\r\n' }), ...REFUSED },
  'a header twice: Host': { send: request({ headers: 'Host: evil.example\r\n' }), ...REFUSED },
  'a header twice: Content-Type': {
    send: request({ headers: 'Content-type: text/plain\r\n' }),
    ...REFUSED,
  },
  'a header twice: Mcp-Session-Id': {
    send: request({ headers: 'Mcp-Session-Id: a\r\nMCP-SESSION-ID: b\r\n' }),
    ...REFUSED,
  },
  'a header twice: Origin': {
    send: request({ headers: 'Origin: null\r\nOrigin: null\r\n' }),
    ...REFUSED,
  },
  'a session id that is none': {
    send: request({ headers: 'Mcp-Session-Id: a b\r\n' }),
    ...REFUSED,
  },
  'long headers': { send: request({ headers: `X-A: ${'a'.repeat(60_000)}\r\n` }), ...TOO_LONG },
  'many headers': { send: request({ headers: 'a:b\r\n'.repeat(1500) }), ...TOO_LONG },
  'a long path': { send: request({ path: `/${'a'.repeat(60_000)}` }), ...TOO_LONG },
  'a declared body over the limit': {
    send: request({ headers: 'Content-Length: 65537\r\n' }),
    ...TOO_LARGE,
  },
  'a chunked body over the limit': {
    send: request({ headers: CHUNKED, body: `40000\r\n${'x'.repeat(0x40000)}\r\n0\r\n\r\n` }),
    ...TOO_LARGE,
  },
} satisfies Record<string, Refusal>;

testTold([REFUSALS['one bare line feed'], REFUSALS['many headers']], () => postern);
testRefusals(REFUSALS, () => postern);

test('what follows a malformed request is not read as a request', async () => {
  const connection = await RawConnection.open(postern);
  const smuggled = request({ headers: LENGTH + CHUNKED, body: `0\r\n\r\n${request()}` });
  connection.write(smuggled);
  assert.equal((await connection.response())?.status, 400);
  assert.equal(await connection.response(), null);
  assert.equal(connection.received, '');
});

test('garbage behind a request does not become its answer', async () => {
  const connection = await RawConnection.open(postern);
  connection.write(`${request()}GARBAGE\r\n\r\n`);
  for (const status of [200, 400]) assert.equal((await connection.response())?.status, status);
  assert.equal(await connection.response(), null);
  await connection.close();
});

test('a body over the limit is answered while the client still sends', async () => {
  const http = pqFetch(postern);
  const response = await http.fetch(postern.url('tiny'), {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: Buffer.alloc(8 * 1024 * 1024, 0x20),
  });
  assert.equal(response.status, 413);
  assert.match(await response.text(), /POSTERN_FRAME_TOO_LARGE/);
  await http.close();
});

test('after all of this the gateway serves, and holds nothing', async () => {
  const http = pqFetch(postern);
  const session = await McpSession.open(http.fetch, postern.url('tiny'));
  await session.end();
  await http.close();
  await untilStatus(postern, 'no call is left', ({ calls_in_flight: calls }) => calls === 0);
});
