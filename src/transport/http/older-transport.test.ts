import assert from 'node:assert/strict';
import { createServer } from 'node:http';
import { test } from 'node:test';
import { listen, post, upstreamFor } from '../../../test/support/http-upstream.ts';

const INITIALIZE = { id: 1, method: 'initialize', params: {} };
const JSON_TYPE = { 'content-type': 'application/json' };
const ERROR = '{"jsonrpc":"2.0","id":1,"error":{"code":-32600,"message":"no"}}';

async function answering(
  t: Parameters<typeof listen>[0],
  status: number,
  headers: Record<string, string>,
  body: string,
) {
  const server = createServer((_request, response) => {
    response.writeHead(status, headers).end(body);
  });
  const url = `http://127.0.0.1:${await listen(t, server)}/sse`;
  return upstreamFor(t, url).upstream;
}

const refusals = [
  ['a page of Express', 404, { 'content-type': 'text/html' }, 'Cannot POST /sse'],
  ['the text of Starlette', 405, { 'content-type': 'text/plain' }, 'Method Not Allowed'],
  ['the JSON of FastAPI', 404, JSON_TYPE, '{"detail":"Not Found"}'],
  ['nothing', 405, {}, ''],
  ['nothing but 400', 400, {}, ''],
] as const;

for (const [what, status, headers, body] of refusals) {
  test(`R-23 initialize answered with ${what} hints at the older transport`, async (t) => {
    const upstream = await answering(t, status, headers, body);
    await assert.rejects(upstream.exchange(post(INITIALIZE)), {
      code: 'POSTERN_UPSTREAM_PROTOCOL',
      hint: /`sse:`/,
      details: { status },
    });
  });
}

test('R-23 other failures have nothing to do with it', async (t) => {
  const refusing = await answering(t, 400, JSON_TYPE, ERROR);
  const reply = await refusing.exchange(post(INITIALIZE));
  assert.deepEqual([reply.kind, reply.status], ['json', 400]);
  const missing = await answering(t, 404, { 'content-type': 'text/html' }, 'no');
  const notTheFirst = { code: 'POSTERN_UPSTREAM_PROTOCOL', hint: /^(?!.*sse:)/ };
  await assert.rejects(missing.exchange(post()), notTheFirst);
  const broken = await answering(t, 500, { 'content-type': 'text/html' }, 'no');
  await assert.rejects(broken.exchange(post(INITIALIZE)), notTheFirst);
});
