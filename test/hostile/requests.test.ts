/** Sound HTTP that is meant for somebody else, or for nobody. */
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import type { TestPostern } from '../support/postern.ts';
import { startTestPostern } from '../support/postern.ts';
import { tinyServer } from './support/programs.ts';
import { answerTo, RawConnection } from './support/raw-http.ts';
import { BODY, CHUNK, CHUNKED, LENGTH, PATH, request } from './support/raw-request.ts';
import type { Refusal } from './support/refusals.ts';
import { REFUSED, testRefusals, testTold } from './support/refusals.ts';

let postern: TestPostern;
before(async () => {
  postern = await startTestPostern({
    servers: { tiny: tinyServer() },
    limits: { max_header_bytes: 8192, max_request_bytes: 65_536 },
  });
});
after(() => postern.stop());

const UNKNOWN_PATH = { status: 404, code: 'POSTERN_PATH_UNKNOWN' } as const;
const FOREIGN = { status: 403, code: 'POSTERN_ORIGIN_REFUSED' } as const;
const NO_METHOD = { status: 405, code: 'POSTERN_METHOD_NOT_ALLOWED' } as const;

const REFUSALS = {
  'the absolute form of another site': {
    send: request({ path: `https://evil.example${PATH}` }),
    ...REFUSED,
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
  'OPTIONS *': { send: request({ method: 'OPTIONS', path: '*' }), ...REFUSED },
  'an unknown method': { send: request({ method: 'FROB' }), ...REFUSED },
  'HTTP/1.2': { send: request({ version: 'HTTP/1.2' }), ...REFUSED },
  'HTTP/0.9': { send: `GET ${PATH}\r\n\r\n`, ...REFUSED },
  'the preface of HTTP/2': { send: 'PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n', ...REFUSED },
  'HTTP/1.0 without a Host': {
    send: `POST ${PATH} HTTP/1.0\r\nContent-Type: application/json\r\n${LENGTH}\r\n${BODY}`,
    ...FOREIGN,
  },
  'HTTP/1.1 without a Host': { send: `GET ${PATH} HTTP/1.1\r\n\r\n`, ...REFUSED },
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
} satisfies Record<string, Refusal>;

testTold([REFUSALS.CONNECT, REFUSALS['another Host'], REFUSALS['HTTP/1.2']], () => postern);
testRefusals(REFUSALS, () => postern);

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
  for (const status of [200, 405, 200, 404, 200]) {
    assert.equal((await connection.response())?.status, status);
  }
  await connection.close();
});
