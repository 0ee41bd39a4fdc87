/** HTTP that no client means: each request gets one clear answer, or a clean end. */
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { pqFetch } from '../support/clients.ts';
import type { TestPostern } from '../support/postern.ts';
import { startTestPostern } from '../support/postern.ts';
import { tinyServer } from './support/programs.ts';
import type { RawResponse } from './support/raw-http.ts';
import { answerTo, RawConnection } from './support/raw-http.ts';
import { McpSession } from './support/session.ts';

const PATH = '/servers/tiny/mcp';
const BODY = JSON.stringify({
  jsonrpc: '2.0',
  id: 1,
  method: 'initialize',
  params: {
    protocolVersion: '2025-11-25',
    capabilities: {},
    clientInfo: { name: 'a', version: '1' },
  },
});

let postern: TestPostern;
before(async () => {
  postern = await startTestPostern({
    servers: { tiny: tinyServer() },
    limits: { max_header_bytes: 8192, max_request_bytes: 65_536 },
  });
});
after(() => postern.stop());

interface Shape {
  readonly method?: string;
  readonly path?: string;
  readonly version?: string;
  readonly host?: string;
  readonly headers?: string;
  readonly body?: string;
}

/** A request that is well-formed but for what is given. */
function request(shape: Shape = {}): string {
  const { method = 'POST', path = PATH, version = 'HTTP/1.1', host = '127.0.0.1' } = shape;
  const { headers, body = BODY } = shape;
  const framing = headers?.includes('ength') || headers?.includes('Transfer') ? '' : LENGTH;
  return (
    `${method} ${path} ${version}\r\nHost: ${host}\r\nContent-Type: application/json\r\n` +
    `${headers ?? ''}${framing}\r\n${body}`
  );
}

const LENGTH = `Content-Length: ${BODY.length}\r\n`;
const CHUNKED = 'Transfer-Encoding: chunked\r\n';
const CHUNK = `${BODY.length.toString(16)}\r\n${BODY}\r\n0\r\n\r\n`;

interface Case {
  readonly send: string | Buffer;
  readonly status: number;
  /** `POSTERN_*` in the answer; Node answers a few by itself. */
  readonly code?: string;
}

const REFUSED = { status: 400, code: 'POSTERN_REQUEST_REFUSED' } as const;
const UNKNOWN_PATH = { status: 404, code: 'POSTERN_PATH_UNKNOWN' } as const;
const FOREIGN = { status: 403, code: 'POSTERN_ORIGIN_REFUSED' } as const;
const NO_METHOD = { status: 405, code: 'POSTERN_METHOD_NOT_ALLOWED' } as const;
const ENCODED = { status: 415, code: 'POSTERN_MEDIA_TYPE_REFUSED' } as const;
const TOO_LONG = { status: 431, code: 'POSTERN_HEADERS_TOO_LARGE' } as const;
const TOO_LARGE = { status: 413, code: 'POSTERN_FRAME_TOO_LARGE' } as const;

const CASES: Readonly<Record<string, Case>> = {
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
    ...ENCODED,
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
  'the absolute form of another site': {
    send: request({ path: `https://evil.example${PATH}` }),
    ...UNKNOWN_PATH,
  },
  'dots in the path': { send: request({ path: `/servers/../${PATH}` }), ...UNKNOWN_PATH },
  'an encoded slash': { send: request({ path: '/servers%2ftiny/mcp' }), ...UNKNOWN_PATH },
  'an encoded name': { send: request({ path: '/servers/tin%79/mcp' }), ...UNKNOWN_PATH },
  'two slashes': { send: request({ path: '//servers/tiny/mcp' }), ...UNKNOWN_PATH },
  'a NUL in the path': { send: request({ path: '/servers/tiny\0/mcp' }), ...REFUSED },
  'raw bytes in the path': {
    send: Buffer.from(request({ path: '/servers/t\u00efny/mcp' }), 'latin1'),
    ...REFUSED,
  },
  'an unknown server': {
    send: request({ path: '/servers/other/mcp' }),
    status: 404,
    code: 'POSTERN_SERVER_UNKNOWN',
  },
  CONNECT: {
    send: 'CONNECT evil.example:443 HTTP/1.1\r\nHost: evil.example\r\n\r\n',
    ...NO_METHOD,
  },
  TRACE: { send: request({ method: 'TRACE' }), ...NO_METHOD },
  OPTIONS: { send: request({ method: 'OPTIONS' }), ...NO_METHOD },
  'OPTIONS *': { send: request({ method: 'OPTIONS', path: '*' }), ...UNKNOWN_PATH },
  'an unknown method': { send: request({ method: 'FROB' }), ...REFUSED },
  'HTTP/1.2': { send: request({ version: 'HTTP/1.2' }), ...REFUSED },
  'HTTP/0.9': { send: `GET ${PATH}\r\n\r\n`, ...FOREIGN },
  'the preface of HTTP/2': { send: 'PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n', ...REFUSED },
  'HTTP/1.0 without a Host': {
    send: `POST ${PATH} HTTP/1.0\r\nContent-Type: application/json\r\n${LENGTH}\r\n${BODY}`,
    ...FOREIGN,
  },
  'HTTP/1.1 without a Host': { send: `GET ${PATH} HTTP/1.1\r\n\r\n`, status: 400 },
  'another Host': { send: request({ host: 'evil.example' }), ...FOREIGN },
  'a Host with a path': { send: request({ host: '127.0.0.1/x' }), ...FOREIGN },
  'a Host with a user': { send: request({ host: 'evil@127.0.0.1' }), ...FOREIGN },
  'a foreign Origin': {
    send: request({ headers: 'Origin: https://evil.example\r\n' }),
    ...FOREIGN,
  },
  'the Origin of a file': { send: request({ headers: 'Origin: null\r\n' }), ...FOREIGN },
  'an Expect that is unknown': { send: request({ headers: 'Expect: wonders\r\n' }), status: 417 },
  'an upgrade to WebSocket': {
    send: request({ method: 'GET', headers: 'Connection: Upgrade\r\nUpgrade: websocket\r\n' }),
    status: 400,
    code: 'POSTERN_SESSION_REQUIRED',
  },
  'no body': {
    send: request({ headers: 'Content-Length: 0\r\n', body: '' }),
    status: 400,
    code: 'POSTERN_FRAME_NOT_JSON',
  },
};

/** `data` of the JSON-RPC error in a response. */
function errorData(response: RawResponse | null): { code: string; call: string } {
  const { error } = JSON.parse(response?.body ?? '') as {
    error: { data: { code: string; call: string } };
  };
  return error.data;
}

// First, while the log has room: floods of the same line are counted only.
for (const what of ['one bare line feed', 'CONNECT', 'another Host', 'a NUL in a header']) {
  test(`${what} is told in the log`, async () => {
    const { call, code } = errorData(await answerTo(postern, CASES[what]?.send ?? ''));
    const line = await postern.logged(({ fields }) => (fields as { call?: string }).call === call);
    assert.equal(line['event'], 'request.rejected');
    assert.equal(line['level'], 'warn');
    assert.deepEqual(
      { ...(line['fields'] as object), call: null, reason: null, listener: null },
      { call: null, reason: null, listener: null, code, source: '127.0.0.1' },
    );
  });
}

for (const [what, { send, status, code }] of Object.entries(CASES)) {
  test(`${what} is answered ${status} ${code ?? ''}`, async () => {
    const response = await answerTo(postern, send);
    assert.equal(response?.status, status, response?.body);
    if (code !== undefined) assert.equal(errorData(response).code, code);
  });
}

test('unusual but sound requests are served', async () => {
  const sound = {
    'HTTP/1.0': request({ version: 'HTTP/1.0' }),
    'a query': request({ path: `${PATH}?x=1` }),
    'Expect: 100-continue': request({ headers: 'Expect: 100-continue\r\n' }),
    'an upgrade to h2c': request({ headers: 'Connection: Upgrade\r\nUpgrade: h2c\r\n' }),
    'chunks with trailers': request({
      headers: CHUNKED,
      body: CHUNK.replace(/\r\n$/, 'Mcp-Session-Id: x\r\n\r\n'),
    }),
    'Host with a port': request({ host: 'LOCALHOST:9' }),
  };
  for (const [what, send] of Object.entries(sound)) {
    const response = await answerTo(postern, send);
    assert.equal(response?.status, 200, what);
    assert.ok(response?.headers['mcp-session-id'], what);
  }
});

test('pipelined requests are answered in order', async () => {
  const connection = await RawConnection.open(postern);
  const bare = { headers: 'Content-Length: 0\r\n', body: '' };
  const options = request({ method: 'OPTIONS', ...bare });
  connection.write(request() + options + request() + request({ path: '/nowhere' }) + request());
  for (const status of [200, 405, 200, 404]) {
    assert.equal((await connection.response())?.status, status);
  }
  assert.equal(await connection.response(), null, 'a body that nobody read ends the connection');
  await connection.close();
});

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
});
