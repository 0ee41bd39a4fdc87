/** Servers with several endpoints behind a gateway, one of which is killed and started again. */
import assert from 'node:assert/strict';
import type { ChildProcess } from 'node:child_process';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import type { AddressInfo } from 'node:net';
import { createServer } from 'node:net';
import { after, before, test } from 'node:test';
import type { StatefulHttp } from '../fixtures/stateful-http.ts';
import { startStatefulHttp } from '../fixtures/stateful-http.ts';
import { pqFetch } from '../support/clients.ts';
import type { TestPostern } from '../support/postern.ts';
import { startTestPostern } from '../support/postern.ts';
import type { RawAnswer } from '../support/raw.ts';
import { openSession, request, send } from '../support/raw.ts';
import { programAt } from '../support/transports.ts';
import { until } from '../support/until.ts';

const META = {
  'io.modelcontextprotocol/protocolVersion': '2026-07-28',
  'io.modelcontextprotocol/clientInfo': { name: 'by-hand', version: '1' },
  'io.modelcontextprotocol/clientCapabilities': {},
};

interface Replica {
  readonly process: ChildProcess;
  readonly port: number;
}

/** Takes connections and says nothing. */
const silent = createServer();

let replicas: [Replica, Replica];
let stateful: readonly StatefulHttp[];
let postern: TestPostern;
let link: ReturnType<typeof pqFetch>;

before(async () => {
  replicas = await Promise.all([startReplica(), startReplica()]);
  stateful = await Promise.all([startStatefulHttp(), startStatefulHttp()]);
  silent.listen(0, '127.0.0.1');
  await once(silent, 'listening');
  const { port } = silent.address() as AddressInfo;
  postern = await startTestPostern({
    servers: {
      pair: { http: { urls: replicas.map(urlOf) }, bridge: 'off' },
      sessions: { http: { urls: stateful.map(({ url }) => url) }, bridge: 'off' },
      silent: { http: { url: `http://127.0.0.1:${port}/mcp`, timeouts: { idle_ms: 1000 } } },
    },
    limits: { upstream_backoff_min_ms: 50, upstream_backoff_max_ms: 100 },
  });
  link = pqFetch(postern);
});
after(async () => {
  await link.close();
  await postern.stop();
  silent.close();
  await Promise.all([...replicas.map(kill), ...stateful.map((server) => server.close())]);
});

async function startReplica(port = 0): Promise<Replica> {
  const { command, args } = programAt('test/fixtures/replica.ts', String(port));
  const child = spawn(command, args, { stdio: ['pipe', 'pipe', 'inherit'] });
  const [printed] = (await once(child.stdout, 'data')) as [Buffer];
  return { process: child, port: Number(printed.toString()) };
}

async function kill({ process: child }: Replica): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return;
  child.kill('SIGKILL');
  await once(child, 'exit');
}

function urlOf({ port }: Replica): string {
  return `http://127.0.0.1:${port}/mcp`;
}

function ask(id: number, method: string, params: object = {}, server = 'pair'): Promise<RawAnswer> {
  const { name = '' } = params as { name?: string };
  return send(link.fetch, postern.url(server), request(id, method, { ...params, _meta: META }), {
    'mcp-protocol-version': '2026-07-28',
    'mcp-method': method,
    ...(name === '' ? {} : { 'mcp-name': name }),
  });
}

function errorDataOf({ message }: RawAnswer): Record<string, unknown> {
  const error = message?.['error'] as { data: Record<string, unknown> } | undefined;
  assert.ok(error, JSON.stringify(message));
  return error.data;
}

const EVENTS = ['upstream.endpoint_down', 'upstream.endpoint_up'];

async function told(event: string, { port }: Replica): Promise<void> {
  await postern.logged((line) => {
    const { endpoint } = line['fields'] as { endpoint?: string };
    return line['event'] === event && endpoint === `127.0.0.1:${port}/mcp`;
  });
}

/** The state of each endpoint, as Prometheus reads it. */
async function statesOf(server: string): Promise<readonly string[]> {
  const text = await (await fetch(new URL('/metrics', postern.admin))).text();
  const line = new RegExp(`^postern_upstream_endpoint_up\\{server="${server}".*\\} (\\d)$`, 'gm');
  return [...text.matchAll(line)].map(([, state = '']) => state);
}

test('R-23 reads under way lose nothing when an endpoint is killed, and it is used again', async () => {
  const stop = new AbortController();
  let answered = 0;
  let ids = 0;
  const failures: unknown[] = [];
  const keep = async (): Promise<void> => {
    while (!stop.signal.aborted) {
      const { message } = await ask((ids += 1), 'tools/list');
      if (message?.['result'] === undefined) failures.push(message);
      answered += 1;
    }
  };
  const more = async (count: number): Promise<void> => {
    const enough = answered + count;
    await until('calls were answered', () => answered >= enough);
  };
  const work = Promise.all(Array.from({ length: 6 }, keep));
  try {
    await more(30);
    const [first] = replicas;
    await kill(first);
    await told('upstream.endpoint_down', first);
    await more(30);
    replicas[0] = await startReplica(first.port);
    await told('upstream.endpoint_up', first);
    await more(30);
  } finally {
    stop.abort();
    await work;
  }
  assert.deepEqual(failures, []);
  assert.deepEqual(await statesOf('pair'), ['1', '1']);
  const changes = postern.log().filter(({ event }) => EVENTS.includes(String(event)));
  assert.deepEqual(
    changes.map(({ event }) => event),
    EVENTS,
  );
});

test('R-23 with every endpoint down calls are refused at once, until one is back', async () => {
  await Promise.all(replicas.map(kill));
  const call = (id: number) => ask(id, 'tools/call', { name: 'echo', arguments: { text: 'x' } });
  let refused: RawAnswer | null = null;
  await until('calls are refused', async () => {
    const answer = await call(1);
    const data = errorDataOf(answer);
    assert.equal(data['code'], 'POSTERN_UPSTREAM_UNAVAILABLE');
    if (data['retry_after_seconds'] !== undefined) refused = answer;
    return refused !== null;
  });
  assert.deepEqual(await statesOf('pair'), ['0', '0']);
  replicas[1] = await startReplica(replicas[1].port);
  await until('the server answers', async () => (await call(2)).message?.['result'] !== undefined);
  assert.deepEqual((await statesOf('pair'))[1], '1');
  const entries = (await postern.record()).filter(({ mcp }) => mcp.tool === 'echo');
  assert.deepEqual(
    [entries.at(-1)?.outcome.status, entries.at(-1)?.upstream?.link?.kind],
    ['ok', 'plain'],
  );
});

test('R-23 sessions are spread over the endpoints, and stay where they are', async () => {
  const url = postern.url('sessions');
  const sessions = [];
  for (let index = 0; index < 4; index += 1) sessions.push(await openSession(link.fetch, url));
  assert.deepEqual(
    stateful.map((server) => server.sessions().length),
    [2, 2],
  );
  for (const session of [...sessions, ...sessions]) {
    const { status, message } = await send(link.fetch, url, request(1, 'ping'), session);
    assert.deepEqual([status, message?.['result']], [200, {}]);
  }
});

test('R-23 a server has timeouts of its own', async () => {
  const answer = await ask(1, 'tools/list', {}, 'silent');
  assert.equal(errorDataOf(answer)['code'], 'POSTERN_UPSTREAM_TIMEOUT');
});
