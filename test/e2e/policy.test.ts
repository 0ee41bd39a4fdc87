import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import type { StatefulHttp } from '../fixtures/stateful-http.ts';
import { startStatefulHttp } from '../fixtures/stateful-http.ts';
import type { Caller } from '../support/identified.ts';
import { callerNamed } from '../support/identified.ts';
import type { Peer } from '../support/peer.ts';
import type { TestPostern } from '../support/postern.ts';
import { startTestPostern } from '../support/postern.ts';
import { errorCodeOf, initialize, openSession, request, send } from '../support/raw.ts';
import { EVERYTHING, programAt } from '../support/transports.ts';

const POLICY = {
  rules: [
    { id: 'alice-all', effect: 'allow', principals: ['alice'] },
    { id: 'no-environment', effect: 'deny', principals: ['*', 'anonymous'], tools: ['get-env'] },
    {
      id: 'bob-some',
      effect: 'allow',
      principals: ['bob'],
      tools: ['echo', 'get-*'],
      resources: ['demo://resource/static/*'],
      prompts: ['simple-*'],
    },
    {
      id: 'guests',
      effect: 'allow',
      principals: ['anonymous'],
      servers: ['everything'],
      tools: ['echo'],
    },
    { id: 'vendor', effect: 'allow', principals: ['bob'], methods: ['acme/*'] },
  ],
};

let upstream: StatefulHttp;
let postern: TestPostern;
let alice: Caller;
let bob: Caller;
let guest: Caller;
/** The official clients of the three, connected to the reference server. */
let peers: Record<'alice' | 'bob' | 'guest', Peer>;

before(async () => {
  upstream = await startStatefulHttp();
  postern = await startTestPostern({
    servers: {
      everything: { stdio: EVERYTHING },
      program: { stdio: programAt('test/fixtures/stateful-stdio.ts') },
      remote: { http: { url: upstream.url } },
    },
    policy: POLICY,
  });
  alice = await callerNamed(postern, 'alice');
  bob = await callerNamed(postern, 'bob');
  guest = await callerNamed(postern, null);
  peers = {
    alice: await alice.connect('everything'),
    bob: await bob.connect('everything'),
    guest: await guest.connect('everything'),
  };
});
after(async () => {
  for (const peer of Object.values(peers)) await peer.close();
  await Promise.all([alice.close(), bob.close(), guest.close()]);
  await postern.stop();
  await upstream.close();
});

async function toolsOf(peer: Peer): Promise<readonly string[]> {
  return (await peer.listTools()).tools.map(({ name }) => name);
}

/** The error with which the gateway refused, and the entry that it names. */
async function denialOf(call: Promise<unknown>) {
  const error = (await call.then(
    () => assert.fail('it was allowed'),
    (thrown: unknown) => thrown,
  )) as { code: number; message: string; data: { code: string; call: string; hint: string } };
  const entry = (await postern.record()).find(({ id }) => id === error.data.call);
  assert.ok(entry, 'the denial is in the record');
  return { error, entry };
}

test('R-11 R-14 each sees the tools that it may use, and no others', async () => {
  const all = await toolsOf(peers.alice);
  const some = await toolsOf(peers.bob);
  const one = await toolsOf(peers.guest);
  assert.ok(all.includes('trigger-sampling-request'));
  assert.ok(!all.includes('get-env'));
  assert.deepEqual(
    some,
    all.filter((name) => name === 'echo' || name.startsWith('get-')),
  );
  assert.deepEqual(one, ['echo']);
});

test('R-11 lists in an event stream are filtered as well', async () => {
  const peer = await bob.connect('remote');
  assert.deepEqual(await toolsOf(peer), ['echo']);
  await peer.close();
});

test('R-11 resources, templates and prompts are filtered and refused alike', async () => {
  const peer = peers.bob;
  const { resources } = await peer.listResources();
  assert.ok(resources.length > 0);
  assert.ok(resources.every(({ uri }) => uri.startsWith('demo://resource/static/')));
  assert.deepEqual(await peer.listResourceTemplates(), { resourceTemplates: [] });
  assert.match(JSON.stringify(await peer.listPrompts()), /^\{"prompts":\[\{"name":"simple-prompt"/);
  const uri = 'demo://resource/dynamic/text/1';
  const sneaky = 'demo://resource/static/../dynamic/text/1';
  const absent = 'demo://resource/that/there/is/none';
  const argument = { name: 'city', value: '' };
  // To the caller there is no such resource, whether or not there is.
  const refused: readonly (readonly [code: number, call: () => Promise<unknown>])[] = [
    [-32002, () => peer.readResource({ uri })],
    [-32002, () => peer.readResource({ uri: absent })],
    [-32002, () => peer.readResource({ uri: sneaky })],
    [-32002, () => peer.subscribeResource({ uri })],
    [-32003, () => peer.getPrompt({ name: 'args-prompt', arguments: { city: 'Graz' } })],
    [
      -32003,
      () => peer.complete({ ref: { type: 'ref/prompt', name: 'args-prompt' }, argument } as never),
    ],
  ];
  for (const [code, call] of refused) {
    const { error, entry } = await denialOf(call());
    assert.equal(error.code, code);
    assert.equal(entry.decision.effect, 'deny');
  }
});

test('R-11 R-19 a denied call is answered with a reason and recorded with its rule', async () => {
  const { error, entry } = await denialOf(peers.alice.call('get-env'));
  assert.equal(error.code, -32003);
  assert.equal(error.data.code, 'POSTERN_ACCESS_DENIED');
  assert.match(error.message, /tool "get-env" is denied by rule/);
  assert.equal(entry.client.principal, 'alice');
  assert.equal(entry.mcp.tool, 'get-env');
  assert.deepEqual(entry.decision.rules, ['no-environment']);
  assert.equal(entry.outcome.status, 'denied');
  assert.equal(entry.upstream, null);

  const { entry: unmatched } = await denialOf(peers.bob.call('trigger-sampling-request'));
  assert.equal(unmatched.decision.effect, 'deny');
  assert.deepEqual(unmatched.decision.rules, []);
});

test('R-11 R-13 an allowed call is recorded with who, and which rule allowed it', async () => {
  await peers.bob.call('get-sum', { a: 1, b: 2 });
  const entry = (await postern.record()).find(({ mcp }) => mcp.tool === 'get-sum');
  assert.equal(entry?.client.principal, 'bob');
  assert.match(entry.client.spiffe_id ?? '', /^spiffe:\/\/.+\/bob$/);
  assert.match(entry.client.certificate_sha256 ?? '', /^[0-9A-F:]{95}$/);
  assert.deepEqual(entry.decision.rules, ['bob-some']);
});

test('R-18 a server that no rule opens answers 403 to every message', async () => {
  const url = postern.url('remote');
  const seen = upstream.seen.length;
  const opened = await send(guest.fetch, url, initialize());
  assert.deepEqual([opened.status, errorCodeOf(opened)], [403, -32003]);
  for (const method of ['GET', 'DELETE']) {
    const answer = await send(guest.fetch, url, null, { 'mcp-session-id': 'x' }, method);
    assert.deepEqual([answer.status, errorCodeOf(answer)], [403, -32003], method);
  }
  assert.equal(upstream.seen.length, seen);
});

test('R-13 R-18 a session serves the principal alone who opened it', async () => {
  for (const server of ['program', 'remote']) {
    const url = postern.url(server);
    const session = await openSession(alice.fetch, url);
    assert.equal((await send(alice.fetch, url, request(1, 'ping'), session)).status, 200);
    for (const method of ['POST', 'GET', 'DELETE']) {
      const body = method === 'POST' ? request(2, 'ping') : null;
      const answer = await send(bob.fetch, url, body, session, method);
      assert.deepEqual([answer.status, errorCodeOf(answer)], [404, -32001], `${server} ${method}`);
    }
    assert.equal((await send(alice.fetch, url, request(3, 'ping'), session)).status, 200);
    assert.equal((await send(alice.fetch, url, null, session, 'DELETE')).status, 200);
  }
});

test('R-11 methods that no revision defines need a rule that names them', async () => {
  const url = postern.url('program');
  const codes = [];
  for (const caller of [alice, bob]) {
    const session = await openSession(caller.fetch, url);
    const answer = await send(caller.fetch, url, request(1, 'acme/frobnicate'), session);
    const error = answer.message?.['error'] as { data?: { code?: string } } | undefined;
    codes.push([errorCodeOf(answer), error?.data?.code]);
    await send(caller.fetch, url, null, session, 'DELETE');
  }
  const [refused, passedOn] = codes;
  assert.deepEqual(refused, [-32601, 'POSTERN_METHOD_UNKNOWN']);
  assert.deepEqual(passedOn, [-32601, undefined]);
});
