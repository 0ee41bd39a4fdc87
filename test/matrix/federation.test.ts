import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import type { StatefulHttp } from '../fixtures/stateful-http.ts';
import { startStatefulHttp } from '../fixtures/stateful-http.ts';
import { pqFetch } from '../support/clients.ts';
import type { Peer } from '../support/peer.ts';
import { connectV1, connectV2 } from '../support/peer.ts';
import type { TestPostern } from '../support/postern.ts';
import { startTestPostern } from '../support/postern.ts';
import { openSession } from '../support/raw.ts';
import { EVERYTHING, http, programAt } from '../support/transports.ts';
import { until } from '../support/until.ts';

/** One program twice: everything that two servers can have alike. */
const PROGRAM = programAt('test/fixtures/stateful-stdio.ts');

let remote: StatefulHttp;
let postern: TestPostern;
let link: ReturnType<typeof pqFetch>;
let peers: readonly Peer[];

before(async () => {
  remote = await startStatefulHttp();
  postern = await startTestPostern({
    servers: {
      one: { stdio: PROGRAM },
      two: { http: { url: remote.url }, alias: 'my_two' },
      everything: { stdio: EVERYTHING },
      apart: { stdio: PROGRAM, federated: false },
    },
    federation: {
      sets: { few: { tools: ['one__e*', 'my_two__echo'], resources: ['one+note://*'] } },
    },
  });
  link = pqFetch(postern);
  const url = `${postern.endpoint}/mcp`;
  peers = [await connectV1(http(1, url, link.fetch)), await connectV2(http(2, url, link.fetch))];
});
after(async () => {
  for (const peer of peers) await peer.close();
  await link.close();
  await postern.stop();
  await remote.close();
});

async function namesOf(peer: Peer): Promise<readonly string[]> {
  return (await peer.listTools()).tools.map(({ name }) => name);
}

test('R-23 one endpoint introduces itself with what all servers can do', () => {
  for (const peer of peers) {
    assert.deepEqual(peer.getServerCapabilities(), {
      tools: { listChanged: true },
      prompts: { listChanged: true },
      resources: { listChanged: true, subscribe: true },
      logging: {},
      completions: {},
    });
    assert.equal((peer.getServerVersion() as { name: string }).name, 'postern');
    assert.match(peer.getInstructions() ?? '', /## one \(one__\*\)\n\nDo as the test says\./);
  }
});

test('R-23 tools, prompts and resources of all servers are listed, each with its server', async () => {
  for (const peer of peers) {
    const names = await namesOf(peer);
    assert.ok(names.includes('one__echo') && names.includes('my_two__echo'));
    assert.ok(names.includes('everything__get-sum'));
    assert.ok(!names.some((name) => name.startsWith('apart')));
    const uris = new Set((await peer.listResources()).resources.map(({ uri }) => uri));
    assert.ok(uris.has('one+note://one') && uris.has('my.two+note://one'));
    const prompts = JSON.stringify(await peer.listPrompts());
    assert.match(prompts, /"one__greet".*"my_two__greet"/);
    assert.match(JSON.stringify(await peer.listResourceTemplates()), /everything\+demo:\/\/.*\{/);
  }
});

test('R-23 two servers with the same tool: each call goes to the one that it names', async () => {
  for (const peer of peers) {
    await peer.call('one__grow', { name: 'only-here' });
    assert.ok((await namesOf(peer)).includes('one__only-here'));
    assert.match(JSON.stringify(await peer.call('one__only-here')), /I am only-here/);
    assert.ok(!(await namesOf(peer)).includes('my_two__only-here'));
    assert.match(JSON.stringify(await peer.call('everything__get-sum', { a: 2, b: 5 })), /is 7/);
  }
});

test('R-23 resources, prompts and completion go to their server, and answers speak the endpoint’s URIs', async () => {
  for (const peer of peers) {
    assert.deepEqual(await peer.readResource({ uri: 'my.two+note://one' }), {
      contents: [{ uri: 'my.two+note://one', mimeType: 'text/plain', text: 'a note' }],
    });
    const prompt = await peer.getPrompt({ name: 'one__greet', arguments: { name: 'Ada' } });
    assert.match(JSON.stringify(prompt), /Greet Ada/);
    const ref = { type: 'ref/prompt', name: 'everything__completable-prompt' };
    const argument = { name: 'department', value: 'E' };
    assert.match(JSON.stringify(await peer.complete({ ref, argument } as never)), /Engineering/);
    const { resources } = await peer.listResources();
    const demo = resources.find(({ uri }) => uri.startsWith('everything+demo://'))?.uri ?? '';
    assert.match(JSON.stringify(await peer.readResource({ uri: demo })), /"uri":"everything\+demo/);
    const links = await peer.call('everything__get-resource-links', { count: 2 });
    assert.match(JSON.stringify(links), /"uri":"everything\+demo:\/\//);
    const embedded = await peer.call('everything__get-resource-reference', {
      resourceType: 'Text',
      resourceId: 1,
    });
    assert.match(JSON.stringify(embedded), /"resource":\{"uri":"everything\+demo:\/\//);
  }
});

test('R-23 a server’s own URI is taken when one server alone has it', async () => {
  const [peer] = peers;
  assert.ok(peer);
  const { resources } = await peer.listResources();
  const demo = resources.find(({ uri }) => uri.startsWith('everything+demo://'))?.uri ?? '';
  const raw = demo.slice('everything+'.length);
  assert.deepEqual(await peer.readResource({ uri: raw }), await peer.readResource({ uri: demo }));
  await assert.rejects(peer.readResource({ uri: 'note://one' }), /2 servers have this resource/);
  await assert.rejects(peer.readResource({ uri: 'note://nowhere' }), {
    code: -32002,
    message: /no list has resource "note:\/\/nowhere": begin it with its server/,
  });
});

test('R-23 two servers ask at once, and each gets its own answer', async () => {
  for (const peer of peers) {
    const earlier = peer.asked.length;
    const answers = await Promise.all([
      peer.call('one__ask'),
      peer.call('my_two__ask'),
      peer.call('one__sample'),
      peer.call('my_two__roots'),
      peer.call('my_two__sample'),
      peer.call('one__roots'),
      peer.call('one__ping'),
    ]);
    const said = answers.map((answer) => JSON.stringify(answer));
    for (const index of [0, 1]) assert.match(said[index] ?? '', /Ada Lovelace/);
    for (const index of [2, 4]) assert.match(said[index] ?? '', /a sampled sentence/);
    for (const index of [3, 5]) assert.match(said[index] ?? '', /file:\/\/\/srv\/data/);
    const asked = peer.asked.slice(earlier).map(({ method }) => method);
    // A server of the third kind asks for roots of its own accord, some time after it has begun.
    const others = asked.filter((method) => method !== 'roots/list');
    assert.ok(asked.length - others.length >= 2);
    assert.equal(others.length, 4);
  }
});

test('R-23 progress comes with its call, and a cancellation reaches the server that works', async () => {
  for (const peer of peers) {
    const earlier = peer.progress.length;
    const onprogress = (): void => undefined;
    await Promise.all([
      peer.call('one__count', { to: 5 }, { onprogress }),
      peer.call('my_two__count', { to: 5 }, { onprogress }),
    ]);
    assert.equal(peer.progress.length - earlier, 10);
    for (const server of ['one', 'my_two']) {
      const cancel = new AbortController();
      const options = { signal: cancel.signal, onprogress: () => cancel.abort('enough') };
      await assert.rejects(peer.call(`${server}__wait`, {}, options));
      await until('the server has stopped', async () =>
        JSON.stringify(await peer.call(`${server}__journal`)).includes('cancelled'),
      );
    }
  }
});

test('R-23 a stream that the server breaks off is taken up again at the server', async () => {
  for (const peer of peers) {
    assert.match(JSON.stringify(await peer.call('my_two__poll')), /polled/);
  }
});

test('R-23 what servers say between calls is heard on one stream', async () => {
  for (const peer of peers) {
    await peer.subscribeResource({ uri: 'everything+demo://resource/dynamic/text/1' });
    await peer.call('one__touch', { uri: 'note://one' });
    await peer.call('my_two__touch', { uri: 'note://one' });
    await peer.hears('notifications/resources/updated', 2);
    const uris = peer.heard
      .filter(({ method }) => method === 'notifications/resources/updated')
      .map(({ params }) => (params as { uri: string }).uri);
    assert.deepEqual(uris.toSorted(), ['my.two+note://one', 'one+note://one']);
    await peer.call('one__ask-later');
    await until('the server heard back', () =>
      peer.heard.some(({ params }) => (params as { data?: unknown })?.data === 'pong'),
    );
    await peer.setLoggingLevel('debug');
    await peer.ping();
    await peer.hears('notifications/tools/list_changed');
  }
});

test('R-14 R-23 names that nobody has are refused, and so is what cannot be told apart', async () => {
  const [peer] = peers;
  assert.ok(peer);
  for (const name of ['echo', 'three__echo', 'apart__echo', 'two__echo', '__echo', 'one__']) {
    await assert.rejects(peer.call(name, { text: 'x' }), { code: -32602 }, name);
  }
  // The server's own answer to a tool that it does not have.
  assert.match(JSON.stringify(await peer.call('one__no-such-tool')), /not found/);
});

test('R-23 a set has what it names, and refuses the rest', async () => {
  const peer = await connectV1(http(1, `${postern.endpoint}/sets/few/mcp`, link.fetch));
  assert.deepEqual(await namesOf(peer), ['one__echo', 'my_two__echo']);
  assert.deepEqual(
    (await peer.listResources()).resources.map(({ uri }) => uri),
    ['one+note://one'],
  );
  assert.deepEqual(await peer.listPrompts(), { prompts: [] });
  assert.match(JSON.stringify(await peer.call('one__echo', { text: 'hello' })), /hello/);
  await assert.rejects(peer.call('one__big', { bytes: 2 }), { code: -32602 });
  await assert.rejects(peer.readResource({ uri: 'my.two+note://one' }), { code: -32002 });
  await assert.rejects(peer.getPrompt({ name: 'one__greet' }), { code: -32602 });
  await peer.close();
  const missing = await link.fetch(`${postern.endpoint}/sets/none/mcp`, { method: 'DELETE' });
  assert.equal(missing.status, 404);
});

test('R-19 R-23 each call is recorded at its own server, with the endpoint it came by', async () => {
  const record = await postern.record();
  const sums = record.filter(({ mcp }) => mcp.tool === 'get-sum');
  assert.ok(sums.length > 0);
  assert.ok(sums.every(({ mcp }) => mcp.server === 'everything' && mcp.via === '/mcp'));
  assert.ok(record.every(({ mcp }) => mcp.server !== 'apart'));
  assert.ok(record.some(({ mcp }) => mcp.via === '/sets/few/mcp' && mcp.tool === 'echo'));
});

test('R-11 R-18 a policy that closes a server takes it out of open sessions, and leaves the others', async () => {
  await postern.applyPolicy({
    rules: [
      { id: 'all', effect: 'allow', principals: ['anonymous', '*'] },
      { id: 'not-one', effect: 'deny', servers: ['one'] },
    ],
  });
  for (const peer of peers) {
    const names = await namesOf(peer);
    assert.ok(names.length > 0 && names.every((name) => !name.startsWith('one__')));
    await assert.rejects(peer.call('one__echo', { text: 'x' }), { code: -32602 });
    const heard = peer.heard.length;
    await peer.call('my_two__touch', { uri: 'note://one' });
    await until('the other is heard as before', () => peer.heard.length > heard);
  }
  const url = `${postern.endpoint}/mcp`;
  const headers = { accept: 'text/event-stream', ...(await openSession(link.fetch, url)) };
  const stream = await link.fetch(url, { headers });
  assert.equal(stream.status, 200);
  await postern.applyPolicy({ rules: [] });
  await stream.text();
  const refused = await link.fetch(`${postern.endpoint}/mcp`, { method: 'DELETE' });
  assert.equal(refused.status, 403);
});
