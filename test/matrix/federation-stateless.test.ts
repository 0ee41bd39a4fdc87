import assert from 'node:assert/strict';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { startHostileSubscriber } from '../fixtures/hostile/subscriber.ts';
import type { StatelessHttp } from '../fixtures/stateless-http.ts';
import { startStatelessHttp } from '../fixtures/stateless-http.ts';
import { pqFetch } from '../support/clients.ts';
import type { Peer } from '../support/peer.ts';
import { connectV2 } from '../support/peer.ts';
import type { TestPostern } from '../support/postern.ts';
import { ALLOW_ALL, startTestPostern } from '../support/postern.ts';
import { http, programAt } from '../support/transports.ts';
import { until } from '../support/until.ts';

const CHANGED = 'notifications/tools/list_changed';
const UPDATED = 'notifications/resources/updated';

let directory: string;
let first: StatelessHttp;
let second: StatelessHttp;
let hostile: Awaited<ReturnType<typeof startHostileSubscriber>>;
let postern: TestPostern;
let link: ReturnType<typeof pqFetch>;
let peer: Peer;

before(async () => {
  directory = await mkdtemp(join(tmpdir(), 'postern-federation-'));
  first = await startStatelessHttp();
  second = await startStatelessHttp();
  hostile = await startHostileSubscriber();
  postern = await startTestPostern({
    servers: {
      first: { http: { url: first.url } },
      second: { http: { url: second.url }, alias: '2nd' },
      program: {
        stdio: programAt('test/fixtures/stateless-stdio.ts', join(directory, 'journal')),
      },
      hostile: { http: { url: hostile.url } },
      dead: { http: { url: 'http://127.0.0.1:9/mcp' } },
    },
    federation: { sets: { few: { tools: ['first__e*'] } } },
  });
  link = pqFetch(postern);
  const transport = http(2, `${postern.endpoint}/mcp`, link.fetch);
  peer = await connectV2(transport, { versionNegotiation: { mode: { pin: '2026-07-28' } } });
});
after(async () => {
  await peer.close();
  await link.close();
  await postern.stop();
  await Promise.all([first.close(), second.close(), hostile.close()]);
  await rm(directory, { recursive: true });
});

test('R-23 without sessions: one introduction and one list of all that answer', async () => {
  assert.equal(peer.revision(), '2026-07-28');
  assert.match(peer.getInstructions() ?? '', /## 2nd \(2nd__\*\)\n\nAsk, and ask again\./);
  await until('all that can answer have', async () => {
    const names = new Set((await peer.listTools()).tools.map(({ name }) => name));
    return ['first', '2nd', 'program'].every((server) => names.has(`${server}__echo`));
  });
  const { resources } = await peer.listResources();
  assert.ok(resources.some(({ uri }) => uri === 'n..2nd+note://one'));
  const list = JSON.stringify(await peer.listTools());
  assert.match(list, /"org\.postern\/missing":\[\{"server":"dead"/);
});

test('R-23 a set asks the servers alone of which it may have something', async () => {
  const transport = http(2, `${postern.endpoint}/sets/few/mcp`, link.fetch);
  const few = await connectV2(transport, { versionNegotiation: { mode: { pin: '2026-07-28' } } });
  const list = await few.listTools();
  assert.ok(list.tools.some(({ name }) => name === 'first__echo'));
  assert.doesNotMatch(JSON.stringify(list), /org\.postern\/missing/);
  assert.doesNotMatch(few.getInstructions() ?? '', /2nd/);
  await few.close();
});

test('R-23 calls, prompts and resources go to their server, with the headers that mirror them', async () => {
  for (const server of ['first', '2nd', 'program']) {
    assert.match(JSON.stringify(await peer.call(`${server}__echo`, { text: 'näh' })), /näh/);
    assert.match(JSON.stringify(await peer.call(`${server}__route`, { region: 'Süd' })), /Süd/);
    const greeting = { name: `${server}__greet`, arguments: { name: 'Ada' } };
    assert.match(JSON.stringify(await peer.getPrompt(greeting)), /Greet Ada/);
  }
  const odd = JSON.stringify(await peer.listPrompts());
  const short = /"first__gr__e-[0-9a-v]{16}"/.exec(odd)?.[0].slice(1, -1) ?? '';
  assert.match(JSON.stringify(await peer.getPrompt({ name: short })), /Grüße!/);
  const { resources } = await peer.listResources();
  const street = resources.find(({ uri }) => uri.startsWith('first+note://stra'))?.uri ?? '';
  assert.match(JSON.stringify(await peer.readResource({ uri: street })), /eine Notiz/);
  await assert.rejects(peer.call('third__echo', { text: 'x' }), { code: -32602 });
  await assert.rejects(peer.readResource({ uri: 'third+note://one' }), { code: -32602 });
});

test('R-23 input that a server requires is asked for, and the retry finds it with its state', async () => {
  for (const server of ['first', 'program']) {
    assert.match(JSON.stringify(await peer.call(`${server}__deploy`)), /deployed by Ada Lovelace/);
  }
});

test('R-23 progress, and a client that leaves cancels at the server', async () => {
  const seen = peer.progress.length;
  await peer.call('2nd__count', { to: 7 }, { onprogress: () => undefined });
  assert.equal(peer.progress.length - seen, 7);
  const cancel = new AbortController();
  const options = { signal: cancel.signal, onprogress: () => cancel.abort('enough') };
  await assert.rejects(peer.call('first__wait', { key: 'k' }, options));
  await until('the server has stopped', async () =>
    JSON.stringify(await peer.call('first__journal', { key: 'k' })).includes('k cancelled'),
  );
});

test('R-23 one subscription hears of all servers, of each with its own URIs', async () => {
  const uris = ['first+note://one', 'n..2nd+note://one'];
  const subscription = await peer.listen({ toolsListChanged: true, resourceSubscriptions: uris });
  const { honoredFilter } = subscription;
  assert.equal(honoredFilter.toolsListChanged, true);
  assert.deepEqual([...(honoredFilter.resourceSubscriptions ?? [])].toSorted(), uris.toSorted());
  await peer.call('first__announce', { uri: 'note://one' });
  await peer.call('2nd__announce', { uri: 'note://one' });
  await peer.call('2nd__announce', { uri: 'note://other' });
  await peer.hears(UPDATED, 2);
  await peer.hears(CHANGED);
  const heard = peer.heard
    .filter(({ method }) => method === UPDATED)
    .map(({ params }) => (params as { uri: string }).uri);
  assert.deepEqual(heard.toSorted(), uris.toSorted());
  assert.ok(peer.heard.every(({ method }) => method !== 'notifications/cancelled'));
  await subscription.close();
});

test('R-16 R-18 a subscription loses what policy denies by now, and goes on with the rest', async () => {
  const uris = ['first+note://one', 'first+note://two', 'n..2nd+note://one'];
  const subscription = await peer.listen({ resourceSubscriptions: uris });
  const since = peer.heard.length;
  const heard = (): readonly unknown[] =>
    peer.heard.slice(since).map(({ params }) => (params as { uri?: string }).uri);
  const no = { id: 'no', effect: 'deny', principals: ['anonymous'], servers: ['first'] };
  await postern.applyPolicy({ rules: [{ ...no, resources: ['note://one'] }, ...ALLOW_ALL.rules] });
  await until('the rest goes on', async () => {
    await peer.call('first__announce', { uri: 'note://one' });
    await peer.call('first__announce', { uri: 'note://two' });
    return heard().includes('first+note://two');
  });
  await peer.call('2nd__announce', { uri: 'note://one' });
  await until('the other server goes on', () => heard().includes('n..2nd+note://one'));
  assert.ok(!heard().includes('first+note://one'));
  await subscription.close();
  await postern.applyPolicy(ALLOW_ALL);
});
