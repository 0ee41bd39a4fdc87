import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { once } from 'node:events';
import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import type { CallEntry } from '#audit';
import type { RpcId } from '#mcp';
import type { StatefulHttp } from '../fixtures/stateful-http.ts';
import { startStatefulHttp } from '../fixtures/stateful-http.ts';
import type { StatelessHttp } from '../fixtures/stateless-http.ts';
import { startStatelessHttp } from '../fixtures/stateless-http.ts';
import { pqFetch } from '../support/clients.ts';
import type { Peer } from '../support/peer.ts';
import { connectV1, connectV2 } from '../support/peer.ts';
import type { TestPostern } from '../support/postern.ts';
import { startTestPostern } from '../support/postern.ts';
import { openSession, request, send } from '../support/raw.ts';
import { STATEFUL_SCENARIO } from '../support/stateful-scenario.ts';
import { STATELESS_SCENARIO } from '../support/stateless-scenario.ts';
import type { Scenario } from '../support/scenario.ts';
import { play } from '../support/scenario.ts';
import { http, programAt } from '../support/transports.ts';
import { until } from '../support/until.ts';

const PROGRAM = { stdio: programAt('test/fixtures/stateful-stdio.ts') };
const CANARY = 'canary-7f3a91c2';

let stateful: StatefulHttp;
let stateless: StatelessHttp;
let postern: TestPostern;
let link: ReturnType<typeof pqFetch>;

before(async () => {
  stateful = await startStatefulHttp();
  stateless = await startStatelessHttp();
  postern = await startTestPostern({
    servers: {
      stateful: { http: { url: stateful.url } },
      stateless: { http: { url: stateless.url } },
      program: PROGRAM,
    },
  });
  link = pqFetch(postern);
});
after(async () => {
  await link.close();
  await postern.stop();
  await Promise.all([stateful.close(), stateless.close()]);
});

/** What a message or an entry about one is known by. */
function label(httpMethod: string, message: { method?: string; id?: RpcId | null } | null): string {
  return `${httpMethod} ${message?.method ?? '-'} ${message?.id ?? '-'}`;
}

function labelOf({ mcp }: CallEntry): string {
  const httpMethods: Record<string, string> = { stream: 'GET', session_end: 'DELETE' };
  const { method, rpc_id: id } = mcp;
  return label(httpMethods[mcp.kind] ?? 'POST', { ...(method === null ? {} : { method }), id });
}

/** A `fetch` that writes down what it sends, and what of it was answered. */
function noting(sent: string[], answered: string[]): typeof fetch {
  return async (input, init) => {
    const body = typeof init?.body === 'string' ? (JSON.parse(init.body) as object) : null;
    const text = label(init?.method ?? 'GET', body);
    sent.push(text);
    const response = await link.fetch(input, init);
    answered.push(text);
    return response;
  };
}

/** A client that goes away may take back the request with which it opens its stream anew. */
function withoutStreams(labels: readonly string[]): readonly string[] {
  return labels.filter((text) => !text.startsWith('GET ')).toSorted();
}

function streamsIn(labels: readonly string[]): number {
  return labels.length - withoutStreams(labels).length;
}

/** What a server asks, and an answer that is fetched on a later stream, have entries of their own. */
function isOfRequest({ mcp }: CallEntry): boolean {
  return mcp.kind !== 'server_request' && mcp.kind !== 'replayed';
}

async function entriesOf(server: string): Promise<readonly CallEntry[]> {
  return (await postern.record()).filter(({ mcp }) => mcp.server === server);
}

const runs: readonly (readonly [string, Scenario, (transport: object) => Promise<Peer>])[] = [
  ['stateful', STATEFUL_SCENARIO, (transport) => connectV1(transport)],
  ['program', STATEFUL_SCENARIO, (transport) => connectV1(transport)],
  [
    'stateless',
    STATELESS_SCENARIO,
    (transport) => connectV2(transport, { versionNegotiation: { mode: 'auto' } }),
  ],
];

for (const [server, scenario, connect] of runs) {
  test(`R-19 every request to a ${server} server has exactly one entry`, async () => {
    const sent: string[] = [];
    const answered: string[] = [];
    const generation = server === 'stateless' ? 2 : 1;
    const transport = http(generation, postern.url(server), noting(sent, answered));
    await play(scenario, connect(transport));
    let opened = 0;
    await until('every request is recorded', async () => {
      opened = streamsIn(answered);
      const recorded = (await entriesOf(server)).filter(isOfRequest).map(labelOf);
      const isWhole = withoutStreams(recorded).length >= withoutStreams(sent).length;
      return isWhole && streamsIn(recorded) >= opened;
    });
    const entries = await entriesOf(server);
    const calls = entries.filter(isOfRequest);
    const labels = calls.map(labelOf);
    assert.deepEqual(withoutStreams(labels), withoutStreams(sent));
    assert.ok(streamsIn(labels) >= opened && streamsIn(labels) <= streamsIn(sent));
    assert.ok(server === 'stateless' || opened > 0);
    assert.equal(new Set(entries.map(({ id }) => id)).size, entries.length);
    assert.ok(entries.every(({ decision }) => decision.effect === 'allow'));
    const asked = entries.filter(({ mcp }) => mcp.kind === 'server_request');
    const methods = ['elicitation/create', 'ping', 'ping', 'roots/list', 'sampling/createMessage'];
    const expected = server === 'stateless' ? [] : methods;
    assert.deepEqual(asked.map(({ mcp }) => mcp.method ?? '').toSorted(), expected);
    const left = calls.find(({ mcp }) => mcp.tool === 'wait')?.outcome.status;
    assert.equal(left, server === 'stateful' ? 'undelivered' : 'cancelled');
    const streams = calls.filter(({ mcp }) => mcp.kind === 'stream');
    assert.ok(streams.every(({ outcome }) => outcome.status === 'ok'));
  });
}

test('R-19 the entry is there when the client has its answer, with digests of both', async () => {
  for (const server of ['stateful', 'program']) {
    const url = postern.url(server);
    const session = await openSession(link.fetch, url);
    for (const id of [`${server}-1`, `${server}-2`, `${server}-3`]) {
      const call = request(id, 'tools/call', { name: 'echo', arguments: { text: id } });
      const { message } = await send(link.fetch, url, call, session);
      const entry = (await postern.record()).find(({ mcp }) => mcp.rpc_id === id);
      assert.equal(entry?.outcome.status, 'ok');
      assert.equal(entry.mcp.tool, 'echo');
      assert.equal(entry.digests.request, digest(call));
      assert.equal(entry.digests.result, digest(message));
    }
    await send(link.fetch, url, null, session, 'DELETE');
  }
});

test('R-19 how a call ended is told apart', async () => {
  const url = postern.url('program');
  const session = await openSession(link.fetch, url);
  const statuses = [];
  for (const [id, params] of [
    ['fine', { name: 'measure' }],
    ['tool', { name: 'fail' }],
  ] as const) {
    await send(link.fetch, url, request(id, 'tools/call', params), session);
    statuses.push((await postern.record()).find(({ mcp }) => mcp.rpc_id === id)?.outcome);
  }
  await send(link.fetch, url, request('rpc', 'prompts/get', { name: 'none' }), session);
  statuses.push((await postern.record()).find(({ mcp }) => mcp.rpc_id === 'rpc')?.outcome);
  assert.deepEqual(statuses, [
    { status: 'ok', http_status: 200 },
    { status: 'tool_error', http_status: 200 },
    { status: 'rpc_error', code: -32602, http_status: 200 },
  ]);
  await send(link.fetch, url, null, session, 'DELETE');
});

test('R-19 neither bodies nor session ids are in the record or the log', async () => {
  const sessions: string[] = [];
  for (const server of ['stateful', 'program']) {
    const url = postern.url(server);
    const session = await openSession(link.fetch, url);
    sessions.push(session['mcp-session-id']);
    const params = { name: 'echo', arguments: { text: CANARY } };
    const { message } = await send(link.fetch, url, request(1, 'tools/call', params), session);
    assert.match(JSON.stringify(message), new RegExp(CANARY));
    await send(link.fetch, url, null, session, 'DELETE');
  }
  const directory = join(postern.stateDir, 'record');
  const files = await readdir(directory);
  assert.ok(files.length > 0);
  const texts = await Promise.all(files.map((file) => readFile(join(directory, file), 'utf8')));
  const written = `${texts.join('')}${JSON.stringify(postern.log())}`;
  assert.match(written, /"tool":"echo"/);
  for (const secret of [CANARY, ...sessions]) assert.ok(!written.includes(secret), secret);
});

test('R-19 a killed gateway has recorded what it answered', async () => {
  const doomed = await startTestPostern({ servers: { program: PROGRAM } });
  const through = pqFetch(doomed);
  const url = doomed.url('program');
  const session = await openSession(through.fetch, url);
  await send(through.fetch, url, request('last', 'ping'), session);
  doomed.process.kill('SIGKILL');
  await once(doomed.process, 'exit');
  const ids = (await doomed.record()).map(({ mcp }) => mcp.rpc_id);
  assert.ok(ids.includes('last'));
  await through.close();
  await assert.rejects(doomed.stop(), /SIGKILL/);
});

function digest(message: unknown): string {
  return `sha256:${createHash('sha256').update(JSON.stringify(message)).digest('hex')}`;
}
