/** One principal that takes all it can get, and another that still gets its part. */
import assert from 'node:assert/strict';
import { createServer } from 'node:http';
import { after, before, test } from 'node:test';
import { issueClient } from '#identity';
import { pqFetch } from '../support/clients.ts';
import type { TestPostern } from '../support/postern.ts';
import { startTestPostern } from '../support/postern.ts';
import type { OpenServer } from './support/http-servers.ts';
import { listen, reader, wellBehaved } from './support/http-servers.ts';
import { untilStatus } from './support/processes.ts';
import { hostileServer } from './support/programs.ts';
import { McpSession, postMessage } from './support/session.ts';

/** Far more than any limit below. */
const GREED = 24;

let upstream: OpenServer;
let postern: TestPostern;
let stranger: ReturnType<typeof pqFetch>;
let alice: ReturnType<typeof pqFetch>;
before(async () => {
  // It answers everything but messages with the id "hang".
  const serve = reader((response, id, request) => {
    if (id !== 'hang') wellBehaved(response, id, request);
  });
  upstream = await listen(createServer(serve));
  postern = await startTestPostern({
    servers: {
      remote: { http: { url: `http://127.0.0.1:${upstream.port}/` } },
      program: hostileServer('modern'),
      sessions: hostileServer(),
    },
    limits: {
      max_upstream_connections: 4,
      max_upstream_queue: 4,
      max_stateless_children: 4,
      max_sessions_per_principal: 4,
      max_sessions_per_server: 8,
    },
  });
  stranger = pqFetch(postern);
  const { keyPem: key, chainPem: cert } = await issueClient(postern.stateDir, 'alice');
  alice = pqFetch(postern, { key, cert });
});
after(async () => {
  await stranger.close();
  await alice.close();
  await postern.stop();
  await upstream.close();
});

const STATELESS = {
  'mcp-protocol-version': '2026-07-28',
  'mcp-method': 'tools/call',
};
const ENVELOPE = {
  'io.modelcontextprotocol/protocolVersion': '2026-07-28',
  'io.modelcontextprotocol/clientCapabilities': {},
};

function callRemote(client: typeof stranger, id: string): ReturnType<typeof postMessage> {
  const message = { jsonrpc: '2.0', id, method: 'tools/call', params: { name: 'any' } };
  return postMessage(client.fetch, postern.url('remote'), message);
}

/** Calls with the same id never share a process. */
function callProgram(client: typeof stranger, name: string): ReturnType<typeof postMessage> {
  const params = { name, arguments: {}, _meta: ENVELOPE };
  const message = { jsonrpc: '2.0', id: 1, method: 'tools/call', params };
  return postMessage(client.fetch, postern.url('program'), message, {
    ...STATELESS,
    'mcp-name': name,
  });
}

const WAYS = {
  'connections to a server': {
    server: 'remote',
    hang: () => callRemote(stranger, 'hang'),
    serve: () => callRemote(alice, 'echo'),
    holds: ({ connections }: Held) => connections >= 3,
  },
  'processes for sessionless calls': {
    server: 'program',
    hang: () => callProgram(stranger, 'hang'),
    serve: () => callProgram(alice, 'echo'),
    holds: ({ children }: Held) => children >= 3,
  },
  'sessions of a server': {
    server: 'sessions',
    hang: async () => {
      const session = await McpSession.open(stranger.fetch, postern.url('sessions'));
      return session.call('hang');
    },
    serve: async () => {
      const session = await McpSession.open(alice.fetch, postern.url('sessions'));
      return session.call('echo');
    },
    holds: ({ sessions }: Held) => sessions >= 4,
  },
};

interface Held {
  readonly sessions: number;
  readonly children: number;
  readonly connections: number;
}

for (const [what, { server, hang, serve, holds }] of Object.entries(WAYS)) {
  test(`R-18 one principal cannot take all ${what}`, async () => {
    const hanging = Promise.allSettled(Array.from({ length: GREED }, hang));
    await untilStatus(postern, 'its share is taken', ({ servers }) => {
      const held = servers[server];
      return held !== undefined && holds(held);
    });
    const { status, message } = await serve();
    assert.equal(status, 200, JSON.stringify(message));
    assert.ok(message?.result);
    void hanging;
  });
}
