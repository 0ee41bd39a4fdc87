/** A real browser: pages of an allowed origin use the gateway, pages of any other do not. */
import assert from 'node:assert/strict';
import type { ChildProcess } from 'node:child_process';
import { spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { TestContext } from 'node:test';
import { test } from 'node:test';
import { startMirrorServer } from '../support/mirror-server.ts';
import { startTestPostern } from '../support/postern.ts';

const BROWSER = ['chromium', 'chromium-browser', 'google-chrome'].find(
  (each) => spawnSync(each, ['--version']).error === undefined,
);

/** What a page saw of its calls; a status where it could read the answer. */
interface Seen {
  readonly opened?: readonly [status: number, session: string | null];
  readonly ended?: number;
  readonly called?: number;
  readonly refused?: readonly [status: number, code: string];
  readonly failed?: string;
}

/** Run by the browser: a session, a stateless call with every header there is, and a refusal. */
const SCRIPT = `
  const json = { 'content-type': 'application/json', accept: 'application/json, text/event-stream' };
  const post = (headers, id, method, params) => fetch(GATEWAY, {
    method: 'POST', headers: { ...json, ...headers },
    body: JSON.stringify({ jsonrpc: '2.0', id, method, params }),
  });
  const version = 'io.modelcontextprotocol/protocolVersion';
  const capabilities = 'io.modelcontextprotocol/clientCapabilities';
  const stateless = { 'mcp-protocol-version': '2026-07-28', 'mcp-method': 'tools/call' };
  const params = { name: 'route', arguments: { region: 'eu' },
    _meta: { [version]: '2026-07-28', [capabilities]: {} } };
  const named = { ...stateless, 'mcp-name': 'route', 'mcp-param-region': 'eu' };
  async function use() {
    const opened = await post({}, 1, 'initialize', { protocolVersion: '2024-11-05' });
    const session = opened.headers.get('mcp-session-id');
    const ended = await fetch(GATEWAY, { method: 'DELETE', headers: { 'mcp-session-id': session } });
    const called = await post(named, 2, 'tools/call', params);
    const refused = await post({ ...named, 'mcp-name': 'x' }, 3, 'tools/call', params);
    const { error } = await refused.json();
    return { opened: [opened.status, session], ended: ended.status, called: called.status,
      refused: [refused.status, error.data.code] };
  }
  use().catch((error) => ({ failed: error.name }))
    .then((seen) => fetch('/seen', { method: 'POST', body: JSON.stringify(seen) }));
`;

/** Serves the page under every name of this machine, and collects what pages saw, by origin. */
async function startPages(t: TestContext) {
  const seen = new Map<string, (value: Seen) => void>();
  let gateway = '';
  const server = createServer((request, response) => {
    if (request.method !== 'POST') {
      response.setHeader('content-type', 'text/html');
      const script = SCRIPT.replaceAll('GATEWAY', JSON.stringify(gateway));
      response.end(`<!doctype html><meta charset=utf-8><script>${script}</script>`);
      return;
    }
    let text = '';
    request.setEncoding('utf8').on('data', (chunk: string) => (text += chunk));
    request.on('end', () => {
      response.end();
      seen.get(request.headers.origin ?? '')?.(JSON.parse(text) as Seen);
    });
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  t.after(() => {
    server.closeAllConnections();
    server.close();
  });
  const { port } = server.address() as AddressInfo;
  return {
    origin: (host: string) => `http://${host}:${port}`,
    serveFor: (url: string) => (gateway = url),
    seenBy: (origin: string) => new Promise<Seen>((resolve) => seen.set(origin, resolve)),
  };
}

/** Opens one page; ended with everything of it after the test. */
async function open(t: TestContext, url: string): Promise<void> {
  const profile = await mkdtemp(join(tmpdir(), 'postern-browser-'));
  const flags = ['--headless', '--no-sandbox', '--disable-gpu', `--user-data-dir=${profile}`];
  // A group of its own, which ends whole.
  const child: ChildProcess = spawn(BROWSER ?? '', [...flags, url], {
    stdio: 'ignore',
    detached: true,
  });
  const exited = once(child, 'exit');
  t.after(async () => {
    if (child.pid !== undefined) process.kill(-child.pid, 'SIGKILL');
    await exited;
    await rm(profile, { recursive: true, force: true, maxRetries: 5 });
  });
}

const skip = BROWSER === undefined ? 'no Chromium is installed' : false;

test(
  'CORS: a browser lets pages of an allowed origin through, and no others',
  { skip },
  async (t) => {
    const pages = await startPages(t);
    const [allowed, stranger] = [pages.origin('127.0.0.1'), pages.origin('localhost')];
    const mirror = await startMirrorServer();
    t.after(() => mirror.close());
    const listener = { name: 'main', address: '127.0.0.1:0', tls: 'off' };
    const postern = await startTestPostern({
      servers: { mirror: { http: { url: mirror.url }, bridge: 'off' } },
      listeners: [{ ...listener, allowed_origins: [allowed] }],
      policy: {
        p2p_connectivity: { enforce_pqc: false },
        rules: [{ id: 'all', effect: 'allow', principals: ['anonymous'] }],
      },
    });
    t.after(() => postern.stop());
    pages.serveFor(postern.url('mirror'));
    const seen = [pages.seenBy(allowed), pages.seenBy(stranger)];
    await open(t, allowed);
    await open(t, stranger);
    const [served, refused] = await Promise.all(seen);
    const { opened: [status, session] = [0, null], ...rest } = served ?? {};
    assert.equal(status, 200);
    assert.match(session ?? '', /^[\w-]{60,}$/);
    assert.deepEqual(rest, {
      ended: 202,
      called: 200,
      refused: [400, 'POSTERN_HEADER_MISMATCH'],
    });
    assert.deepEqual(refused, { failed: 'TypeError' });
    const reached = mirror.reached.map(({ httpMethod }) => httpMethod);
    assert.deepEqual(reached, ['POST', 'DELETE', 'POST']);
  },
);
