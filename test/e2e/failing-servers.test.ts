import assert from 'node:assert/strict';
import { createServer as createHttpServer } from 'node:http';
import { createServer } from 'node:net';
import { test } from 'node:test';
import { listen } from '../support/http-upstream.ts';
import { pqFetch } from '../support/clients.ts';
import { startTestPostern } from '../support/postern.ts';
import type { RawAnswer } from '../support/raw.ts';
import { initialize, request, send } from '../support/raw.ts';

const META = {
  'io.modelcontextprotocol/protocolVersion': '2026-07-28',
  'io.modelcontextprotocol/clientInfo': { name: 'by-hand', version: '1' },
  'io.modelcontextprotocol/clientCapabilities': {},
};
const HEADERS = { 'mcp-protocol-version': '2026-07-28', 'mcp-method': 'tools/list' };

const failed = (code: string) => ({ status: 'failed', code, http_status: 200 });
const SILENT = failed('POSTERN_UPSTREAM_TIMEOUT');
const FAILURES = {
  sse: SILENT,
  http: SILENT,
  program: SILENT,
  bare: failed('POSTERN_UPSTREAM_UNAVAILABLE'),
  html: failed('POSTERN_UPSTREAM_PROTOCOL'),
};

test('R-23 what fails at a server is told to clients of both eras as the server’s', async (t) => {
  const silent = await listen(
    t,
    createServer((socket) => socket.resume()),
  );
  const broken = await listen(
    t,
    createHttpServer((incoming, response) => {
      incoming.resume();
      const isHtml = incoming.url === '/html';
      response.writeHead(502, isHtml ? { 'content-type': 'text/html' } : {}).end('bad gateway');
    }),
  );
  const postern = await startTestPostern({
    servers: {
      sse: { sse: { url: `http://127.0.0.1:${silent}/sse` } },
      http: { http: { url: `http://127.0.0.1:${silent}/mcp` }, era: 'stateful' },
      program: { stdio: { command: 'sleep', args: ['600'] }, era: 'stateful' },
      bare: { http: { url: `http://127.0.0.1:${broken}/mcp` } },
      html: { http: { url: `http://127.0.0.1:${broken}/html` } },
    },
    limits: { session_setup_timeout_ms: 1000 },
  });
  t.after(() => postern.stop());
  const link = pqFetch(postern);
  t.after(() => link.close());
  const ofNow = (server: string): Promise<RawAnswer> =>
    send(link.fetch, postern.url(server), request(7, 'tools/list', { _meta: META }), HEADERS);
  const ofBefore = (server: string): Promise<RawAnswer> =>
    send(link.fetch, postern.url(server), initialize());

  await Promise.all(
    ['sse', 'http', 'program'].map(async (server) => {
      const answer = await ofNow(server);
      assert.equal(answer.status, 200, server);
      const text = JSON.stringify(answer.message);
      assert.match(text, /"id":7,.*POSTERN_UPSTREAM_TIMEOUT/);
      assert.match(text, new RegExp(String.raw`\\"${server}\\" did not answer initialize`));
    }),
  );
  for (const server of ['bare', 'html'] as const) {
    for (const answer of [await ofNow(server), await ofBefore(server)]) {
      assert.equal(answer.status, 200, server);
      const text = JSON.stringify(answer.message);
      assert.match(text, /"id":[07],.*the server answers .*502/);
      assert.ok(text.includes(FAILURES[server].code), text);
    }
  }
  await link.close();
  const outcomes = (await postern.record()).map(({ mcp, outcome }) => [mcp.server, outcome]);
  const compare = (a: unknown, b: unknown): number =>
    JSON.stringify(a).localeCompare(JSON.stringify(b));
  const expected = ['bare', 'bare', 'html', 'html', 'http', 'program', 'sse'] as const;
  assert.deepEqual(
    outcomes.toSorted(compare),
    expected.map((server) => [server, FAILURES[server]]).toSorted(compare),
  );
});
