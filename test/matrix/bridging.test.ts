import assert from 'node:assert/strict';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import type { StatefulHttp } from '../fixtures/stateful-http.ts';
import { startStatefulHttp } from '../fixtures/stateful-http.ts';
import type { StatelessHttp } from '../fixtures/stateless-http.ts';
import { startStatelessHttp } from '../fixtures/stateless-http.ts';
import { pqFetch } from '../support/clients.ts';
import { readEvents } from '../support/event-reader.ts';
import type { Peer } from '../support/peer.ts';
import { ANSWERS, connectV1, connectV2 } from '../support/peer.ts';
import type { TestPostern } from '../support/postern.ts';
import { startTestPostern } from '../support/postern.ts';
import { errorCodeOf, openSession, request, send } from '../support/raw.ts';
import type { Scenario } from '../support/scenario.ts';
import { assertWorked, play, sorted } from '../support/scenario.ts';
import { STATEFUL_FAILURES, STATEFUL_SCENARIO } from '../support/stateful-scenario.ts';
import { STATELESS_FAILURES, STATELESS_SCENARIO } from '../support/stateless-scenario.ts';
import { EVERYTHING, http, programAt } from '../support/transports.ts';

const TOOLS = 'notifications/tools/list_changed';
const UPDATED = 'notifications/resources/updated';
const MESSAGE = 'notifications/message';

let directory: string;
let stateless: StatelessHttp;
let stateful: StatefulHttp;
let postern: TestPostern;
let link: ReturnType<typeof pqFetch>;

before(async () => {
  directory = await mkdtemp(join(tmpdir(), 'postern-bridging-'));
  stateless = await startStatelessHttp(undefined, 'reject');
  stateful = await startStatefulHttp();
  const journal = join(directory, 'journal');
  postern = await startTestPostern({
    servers: {
      new: { http: { url: stateless.url } },
      'new-program': { stdio: programAt('test/fixtures/stateless-stdio.ts', journal, 'reject') },
      old: { http: { url: stateful.url } },
      'old-program': { stdio: programAt('test/fixtures/stateful-stdio.ts') },
      everything: { stdio: EVERYTHING },
      native: { http: { url: stateful.url }, bridge: 'off' },
    },
  });
  link = pqFetch(postern);
});
after(async () => {
  await link.close();
  await postern.stop();
  await Promise.all([stateless.close(), stateful.close()]);
  await rm(directory, { recursive: true });
});

const oldClient = (server: string, pin?: string): Promise<Peer> =>
  connectV1(http(1, postern.url(server), link.fetch), pin);

const newClient = (server: string): Promise<Peer> =>
  connectV2(http(2, postern.url(server), link.fetch), {
    versionNegotiation: { mode: { pin: '2026-07-28' } },
  });

/** What only sessions have: a stream for changes, subscriptions, levels. */
const OF_A_SESSION: Scenario = {
  ping: (peer) => peer.ping(),
  'a level of the log': async (peer) => {
    await peer.setLoggingLevel('error');
    await peer.call('log', { text: 'not severe enough' });
    await peer.setLoggingLevel('debug');
    await peer.call('log', { text: 'severe enough' });
    await peer.hears(MESSAGE);
    return peer.heard.filter(({ method }) => method === MESSAGE);
  },
  'changes of lists and resources': async (peer) => {
    await peer.subscribeResource({ uri: 'note://one' });
    await peer.call('announce', { uri: 'note://one' });
    await peer.hears(TOOLS);
    await peer.hears(UPDATED);
    await peer.unsubscribeResource({ uri: 'note://one' });
    await peer.call('announce', { uri: 'note://one' });
    await peer.hears(TOOLS, 2);
    return sorted(peer.heard.filter(({ method }) => method === UPDATED));
  },
};

const OLD_TO_NEW: Scenario = Object.fromEntries([
  ...Object.entries(STATELESS_SCENARIO).filter(([name]) => !name.startsWith('two subscriptions')),
  ...Object.entries(OF_A_SESSION),
]);

for (const server of ['new', 'new-program']) {
  test(`R-23 a client of 2025-11-25 uses a server of 2026-07-28: ${server}`, async () => {
    const results = await play(OLD_TO_NEW, oldClient(server));
    assertWorked(results, STATELESS_FAILURES);
    assert.equal(results['revision'], '2025-11-25');
    assert.deepEqual(results['identity'], {
      capabilities: {
        logging: {},
        prompts: { listChanged: true },
        resources: { subscribe: true, listChanged: true },
        tools: { listChanged: true },
      },
      server: { name: 'stateless-fixture', version: '2.0.0' },
      instructions: 'Ask, and ask again.',
    });
    assert.match(JSON.stringify(results['input is required, twice']), /elicit,sampling,roots/);
    assert.equal((results['what the server asked'] as unknown[]).length, 4);
    assert.equal((results['progress'] as { seen: unknown[] }).seen.length, 40);
    assert.equal(failureOf(results['unknown resource']).code, -32002);
    assert.deepEqual(results['a level of the log'], [
      { method: MESSAGE, params: { level: 'warning', logger: 'fixture', data: 'severe enough' } },
    ]);
    assert.deepEqual(results['changes of lists and resources'], [
      { method: UPDATED, params: { uri: 'note://one' } },
    ]);
    assert.doesNotMatch(JSON.stringify(results), /resultType|ttlMs|cacheScope|io\.model/);
  });
}

test('R-23 clients of every stateful revision get theirs from a server of 2026-07-28', async () => {
  for (const revision of ['2024-11-05', '2025-03-26', '2025-06-18']) {
    const peer = await oldClient('new', revision);
    assert.equal(peer.revision(), revision);
    assert.match(JSON.stringify(await peer.call('deploy')), /elicit,sampling,roots/);
    // Nobody has listed the tools, so it takes a refusal to learn of the header.
    assert.match(JSON.stringify(await peer.call('route', { region: 'Süd' })), /Süd/);
    await peer.close();
  }
});

const OF_STATEFUL_SESSIONS: ReadonlySet<string> = new Set([
  'ping',
  'a new tool changes the list',
  'a resource is updated',
  'ping by the server, outside a call',
]);

/** What only sessions have is not in the era; a new client hears of changes when it listens. */
const NEW_TO_OLD: Scenario = Object.fromEntries([
  ...Object.entries(STATEFUL_SCENARIO).filter(([name]) => !OF_STATEFUL_SESSIONS.has(name)),
  [
    'changes of lists',
    async (peer: Peer) => {
      const changes = await peer.listen({ toolsListChanged: true, promptsListChanged: true });
      await peer.call('grow', { name: 'grown' });
      await peer.hears(TOOLS);
      await changes.close();
      return changes.honoredFilter;
    },
  ],
]);

for (const server of ['old', 'old-program']) {
  test(`R-23 a client of 2026-07-28 uses a server of 2025-11-25: ${server}`, async () => {
    const results = await play(NEW_TO_OLD, newClient(server));
    assertWorked(results, STATEFUL_FAILURES);
    assert.equal(results['revision'], '2026-07-28');
    assert.match(JSON.stringify(results['elicitation']), /Ada Lovelace/);
    assert.match(JSON.stringify(results['sampling']), /a sampled sentence/);
    assert.match(JSON.stringify(results['roots']), /srv\/data/);
    assert.equal((results['what the server asked'] as unknown[]).length, 3);
    assert.equal((results['progress'] as { seen: unknown[] }).seen.length, 40);
    assert.match(JSON.stringify(results['the server stopped working']), /cancelled/);
    assert.equal(failureOf(results['unknown resource']).code, -32602);
    assert.deepEqual(results['changes of lists'], {
      toolsListChanged: true,
      promptsListChanged: true,
    });
  });
}

test('R-23 a client of 2026-07-28 uses the reference server', async () => {
  const peer = await newClient('everything');
  const { tools } = await peer.listTools();
  assert.ok(tools.length > 5);
  assert.match(JSON.stringify(await peer.call('echo', { message: 'hi' })), /hi/);
  const asked = await peer.call('trigger-elicitation-request');
  assert.match(JSON.stringify(asked), new RegExp(ANSWERS.form.content.name));
  assert.match(
    JSON.stringify(await peer.call('trigger-sampling-request', { prompt: 'p' })),
    new RegExp(ANSWERS.sampling.content.text),
  );
  const [resource] = (await peer.listResources()).resources;
  const uri = resource?.uri ?? '';
  const changes = await peer.listen({ resourceSubscriptions: [uri] });
  assert.deepEqual(changes.honoredFilter, { resourceSubscriptions: [uri] });
  await changes.close();
  const completion = await peer.complete({
    ref: { type: 'ref/prompt', name: 'completable-prompt' },
    argument: { name: 'department', value: 'E' },
  } as never);
  assert.match(JSON.stringify(completion), /Engineering/);
  await peer.close();
});

test('R-23 without the bridge a client of both eras falls back to initialize', async () => {
  const transport = http(2, postern.url('native'), link.fetch);
  const peer = await connectV2(transport, { versionNegotiation: { mode: 'auto' } });
  assert.equal(peer.revision(), '2025-11-25');
  await peer.close();
});

test('R-23 a bridged session outlives refusals and lost connections like any other', async () => {
  const url = postern.url('new');
  const session = {
    ...(await openSession(link.fetch, url)),
    'mcp-protocol-version': '2025-11-25',
  };
  const refused = await send(link.fetch, url, request(1, 'tasks/list'), session);
  // With 404 a client would begin another session; one without sessions is told so.
  assert.deepEqual([refused.status, errorCodeOf(refused)], [200, -32601]);
  const introduction = {
    'io.modelcontextprotocol/protocolVersion': '2026-07-28',
    'io.modelcontextprotocol/clientCapabilities': {},
  };
  const alone = await send(
    link.fetch,
    postern.url('old'),
    request(1, 'tasks/get', { taskId: 't', _meta: introduction }),
    { 'mcp-protocol-version': '2026-07-28', 'mcp-method': 'tasks/get', 'mcp-name': 't' },
  );
  assert.deepEqual([alone.status, errorCodeOf(alone)], [404, -32601]);
  const params = { name: 'count', arguments: { to: 3 }, _meta: { progressToken: 'p' } };
  const call = await readEvents(link.fetch, url, request(2, 'tools/call', params), session);
  const begun = await call.next();
  await call.cut();
  const resuming = { ...session, 'last-event-id': begun?.id ?? '' };
  const rest = await (await readEvents(link.fetch, url, null, resuming)).rest();
  assert.equal(rest.length, 3);
  assert.match(JSON.stringify(rest.at(-1)?.message), /counted to 3/);
});

test('R-19 the record tells the revision of either side', async () => {
  const [old, young] = [await oldClient('new'), await newClient('old')];
  await old.call('echo', { text: 'one' });
  await young.call('echo', { text: 'two' });
  await Promise.all([old.close(), young.close()]);
  const entries = await postern.record();
  const seen = new Set(
    entries.map(({ mcp, upstream }) => [mcp.server, mcp.revision, upstream?.revision].join()),
  );
  assert.ok(seen.has('new,2025-11-25,2026-07-28'));
  assert.ok(seen.has('old,2026-07-28,2025-11-25'));
});

function failureOf(result: unknown): { code?: unknown } {
  return (result as { failed: { code?: unknown } }).failed;
}
