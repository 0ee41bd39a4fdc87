/** The endpoint for many servers, for clients on HTTP+SSE and on stdio. */
import assert from 'node:assert/strict';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import type { StatefulHttp } from '../fixtures/stateful-http.ts';
import { startStatefulHttp } from '../fixtures/stateful-http.ts';
import { runPostern } from '../support/cli.ts';
import { pqFetch } from '../support/clients.ts';
import { callerNamed } from '../support/identified.ts';
import type { Peer } from '../support/peer.ts';
import { connectV1, connectV2 } from '../support/peer.ts';
import type { TestPostern } from '../support/postern.ts';
import { startTestPostern } from '../support/postern.ts';
import { errorCodeOf, openSession, request, send } from '../support/raw.ts';
import { programAt, sse, stdio } from '../support/transports.ts';
import { until } from '../support/until.ts';

const PROGRAM = programAt('test/fixtures/stateful-stdio.ts');
const RULES = [
  { id: 'all', effect: 'allow', principals: ['anonymous', '*'] },
  { id: 'not-big', effect: 'deny', servers: ['one'], tools: ['big'] },
  { id: 'not-closed', effect: 'deny', servers: ['closed'] },
  { id: 'alice-less', effect: 'deny', principals: ['alice'], servers: ['two'] },
];

let remote: StatefulHttp;
let postern: TestPostern;
let link: ReturnType<typeof pqFetch>;
/** By the way that they came. */
let peers: Readonly<Record<string, Peer>>;

before(async () => {
  remote = await startStatefulHttp();
  postern = await startTestPostern({
    servers: {
      one: { stdio: PROGRAM },
      two: { http: { url: remote.url }, alias: 'my_two' },
      closed: { stdio: PROGRAM },
    },
    federation: {
      sets: { few: { tools: ['one__echo', 'my_two__e*'] }, single: { servers: ['one'] } },
    },
    policy: { rules: RULES },
  });
  link = pqFetch(postern);
  const url = `${postern.endpoint}/mcp`;
  const [sse1, sse2, stdio1, stdio2] = await Promise.all([
    connectV1(sse(1, url, link.fetch)),
    connectV2(sse(2, url, link.fetch)),
    connectV1(stdio(1, front())),
    connectV2(stdio(2, front()), { versionNegotiation: { mode: 'auto' } }),
  ]);
  peers = { sse1, sse2, stdio1, stdio2 };
});
after(async () => {
  for (const peer of Object.values(peers)) await peer.close();
  await link.close();
  await postern.stop();
  await remote.close();
});

/** The gateway as a program that clients start, with files and record of the one that listens. */
function front(...args: readonly string[]) {
  return programAt('bin/postern.js', 'stdio', '--config', configFile(), ...args);
}

const configFile = (): string => join(postern.directory, 'postern.yaml');

async function namesOf(peer: Peer): Promise<readonly string[]> {
  return (await peer.listTools()).tools.map(({ name }) => name);
}

test('R-23 a server’s own URI finds its server although no list has told of it', async () => {
  const url = `${postern.endpoint}/sets/single/mcp`;
  const session = await openSession(link.fetch, url);
  const read = (id: number, uri: string) =>
    send(link.fetch, url, request(id, 'resources/read', { uri }), session);
  assert.match(JSON.stringify(await read(1, 'note://one')), /"uri":"one\+note:\/\/one"/);
  const unknown = await read(2, 'note://nowhere');
  assert.match(JSON.stringify(unknown), /begin it with its server.*"prefixes":\["one\+"\]/);
  await send(link.fetch, url, null, session, 'DELETE');
});

test('R-23 clients on HTTP+SSE and stdio, of both eras, have every server on one stream', async () => {
  for (const [way, peer] of Object.entries(peers)) {
    assert.equal(peer.revision(), way === 'stdio2' ? '2026-07-28' : '2025-11-25');
    assert.equal((peer.getServerVersion() as { name: string }).name, 'postern');
    for (const server of ['one', 'my_two']) {
      const echo = await peer.call(`${server}__echo`, { text: way });
      assert.match(JSON.stringify(echo), new RegExp(way));
    }
    const note = JSON.stringify(await peer.readResource({ uri: 'my.two+note://one' }));
    assert.match(note, /"uri":"my\.two\+note:\/\/one".*"a note"/);
  }
});

test('R-11 R-23 each of them sees and uses what policy lets it', async () => {
  for (const [way, peer] of Object.entries(peers)) {
    const names = await namesOf(peer);
    assert.ok(names.includes('one__echo') && names.includes('my_two__big'), way);
    assert.ok(!names.some((name) => name === 'one__big' || name.startsWith('closed')), way);
    await assert.rejects(peer.call('one__big', { bytes: 2 }), { code: -32003 }, way);
    await assert.rejects(peer.call('closed__echo', { text: 'x' }), { code: -32602 }, way);
  }
  const caller = await callerNamed(postern, 'alice');
  const alice = await connectV1(sse(1, `${postern.endpoint}/mcp`, caller.fetch));
  const hers = await namesOf(alice);
  assert.ok(hers.length > 0 && hers.every((name) => name.startsWith('one__')));
  await assert.rejects(alice.call('my_two__echo', { text: 'x' }), { code: -32602 });
  await alice.close();
  await caller.close();
});

test('R-23 servers ask each of them, and each server gets its own answer', async () => {
  for (const [way, peer] of Object.entries(peers)) {
    const answers = await Promise.all([
      peer.call('one__ask'),
      peer.call('my_two__sample'),
      peer.call('one__roots'),
    ]);
    const said = JSON.stringify(answers);
    assert.match(said, /Ada Lovelace.*a sampled sentence.*file:\/\/\/srv\/data/, way);
  }
});

test('R-23 changes and notes of all servers are heard on the same stream', async () => {
  const { stdio2: _, ...stateful } = peers;
  for (const peer of Object.values(stateful)) {
    await peer.call('my_two__grow', { name: 'grown-here' });
    await peer.hears('notifications/tools/list_changed');
    assert.ok((await namesOf(peer)).includes('my_two__grown-here'));
    await peer.call('one__touch', { uri: 'note://one' });
    await peer.hears('notifications/resources/updated');
    assert.match(JSON.stringify(peer.heard), /"uri":"one\+note:\/\/one"/);
  }
});

test('R-23 a subscription over stdio hears of all servers', async () => {
  const peer = peers['stdio2'];
  assert.ok(peer);
  const uris = ['one+note://one', 'my.two+note://one'];
  const subscription = await peer.listen({ resourceSubscriptions: uris });
  for (const server of ['one', 'my_two'])
    await peer.call(`${server}__touch`, { uri: 'note://one' });
  await peer.hears('notifications/resources/updated', 2);
  const heard = JSON.stringify(peer.heard);
  for (const uri of uris) assert.ok(heard.includes(`"uri":"${uri}"`), heard);
  await subscription.close();
});

test('R-23 a set is there by path and by name, and what is not is refused', async () => {
  const few = await Promise.all([
    connectV1(sse(1, `${postern.endpoint}/sets/few/mcp`, link.fetch)),
    connectV1(stdio(1, front('--set', 'few'))),
  ]);
  for (const peer of few) {
    assert.deepEqual(await namesOf(peer), ['one__echo', 'my_two__echo']);
    await assert.rejects(peer.call('my_two__big', { bytes: 2 }), { code: -32602 });
    await peer.close();
  }
  const none = `${postern.endpoint}/sets/none/sse`;
  const answer = await send(link.fetch, none, null, { accept: 'text/event-stream' }, 'GET');
  assert.equal(answer.status, 404);
  const usage = await runPostern('stdio', '--config', configFile(), '--set', 'fev');
  assert.equal(usage.code, 64);
  assert.match(usage.stderr, /no set is called "fev"; did you mean "few"\?/);
});

test('R-19 R-23 calls by either way are recorded at their server', async () => {
  const record = await postern.record();
  for (const listener of ['main', 'stdio']) {
    const echoes = record.filter(
      (entry) => entry.listener === listener && entry.mcp.tool === 'echo',
    );
    assert.ok(echoes.length > 0);
    assert.deepEqual(new Set(echoes.map(({ mcp }) => mcp.server)), new Set(['one', 'two']));
    assert.ok(echoes.every(({ mcp }) => mcp.via?.endsWith('/mcp')));
  }
  const unknown = record.filter(({ mcp }) => mcp.tool === 'closed__echo');
  assert.equal(unknown.length, Object.keys(peers).length);
  const hers = record.filter(({ client }) => client.principal === 'alice');
  assert.ok(hers.some(({ mcp }) => mcp.server === 'one' && mcp.method === 'tools/list'));
  for (const { mcp, outcome, client } of unknown) {
    assert.deepEqual([mcp.server, outcome.code], [null, 'POSTERN_NAME_UNKNOWN']);
    assert.equal(client.principal, 'anonymous');
  }
});

test('R-11 R-18 a policy that closes one server takes it out; one that closes all ends the streams', async () => {
  const { sse1, stdio1 } = peers;
  assert.ok(sse1 !== undefined && stdio1 !== undefined);
  const closing = { id: 'not-one', effect: 'deny', servers: ['one'] };
  await postern.applyPolicy({ rules: [...RULES, closing] });
  for (const peer of [sse1, stdio1]) {
    await until('the server is gone', async () => {
      const names = await namesOf(peer);
      return names.length > 0 && names.every((name) => name.startsWith('my_two__'));
    });
    const heard = peer.heard.length;
    await peer.call('my_two__touch', { uri: 'note://one' });
    await until('the other is heard as before', () => peer.heard.length > heard);
  }
  await postern.applyPolicy({ rules: [] });
  await postern.logged(({ event, fields }) => {
    const { code } = fields as { code?: unknown };
    return event === 'client.stream_ended' && code === 'POSTERN_SERVER_DENIED';
  });
  const refused = await send(link.fetch, `${postern.endpoint}/sse`, null, {}, 'GET');
  assert.deepEqual([refused.status, errorCodeOf(refused)], [403, -32003]);
  const denied = (await postern.record()).filter(
    ({ mcp, outcome }) => mcp.kind === 'stream' && outcome.status === 'denied',
  );
  const { mcp, decision, outcome } = denied.at(-1) ?? {};
  assert.deepEqual([mcp?.server, mcp?.via, decision?.effect], [null, '/mcp', 'deny']);
  assert.equal(outcome?.code, 'POSTERN_ENDPOINT_DENIED');
});
