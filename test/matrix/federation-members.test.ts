import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import type { ManyServers, Script } from '../fixtures/many-servers.ts';
import { startManyServers } from '../fixtures/many-servers.ts';
import type { Caller } from '../support/identified.ts';
import { callerNamed } from '../support/identified.ts';
import { connectV1 } from '../support/peer.ts';
import type { TestPostern } from '../support/postern.ts';
import { startTestPostern } from '../support/postern.ts';
import { errorCodeOf, openSession, request, send } from '../support/raw.ts';
import { http } from '../support/transports.ts';
import { until } from '../support/until.ts';

/** `POSTERN_SOAK=1` takes two hundred servers with the others. */
const GOOD = process.env['POSTERN_SOAK'] === '1' ? 195 : 25;
const TOOLS_EACH = 26;
const LONG = `read_${'very_'.repeat(20)}long`;
const MISSING = 'org.postern/missing';
const COLLISIONS = 'org.postern/collisions';

const POLICY = {
  rules: [
    { id: 'alice-all', effect: 'allow', principals: ['alice'] },
    { id: 'bob-some', effect: 'allow', principals: ['bob'], servers: ['s00*'], tools: ['tool-1'] },
    { id: 'carol-silent', effect: 'allow', principals: ['carol'], servers: ['silent', 's000'] },
    { id: 'dan-some', effect: 'allow', principals: ['dan'], servers: ['s000', 'odd', 'cutting'] },
  ],
};

let many: ManyServers;
let postern: TestPostern;
let alice: Caller;
let bob: Caller;
let carol: Caller;
let dan: Caller;
let url: string;

before(async () => {
  const good = Array.from({ length: GOOD }, (_, index) => `s${String(index).padStart(3, '0')}`);
  const tools = Array.from({ length: TOOLS_EACH }, (_, index) => `tool-${index}`);
  const scripts: Record<string, Script> = {
    ...Object.fromEntries(good.map((name) => [name, { tools }])),
    odd: { tools: [LONG, 'dotted.name', 'twice', 'twice'], more: ['second-page'] },
    silent: { tools: ['quiet'], manner: 'silent' },
    lying: { tools: [], manner: 'lying' },
    cutting: { tools: ['cut'], manner: 'cutting' },
  };
  many = await startManyServers(scripts);
  const servers = Object.keys(scripts).map((name) => [name, { http: { url: many.url(name) } }]);
  postern = await startTestPostern({
    servers: {
      ...Object.fromEntries(servers),
      // Port 9 is for discarding; nothing listens there.
      dead: { http: { url: 'http://127.0.0.1:9/mcp' } },
    },
    policy: POLICY,
    limits: { federation_deadline_ms: 1000, session_idle_timeout_ms: 1000 },
    audit: { mode: 'async' },
    log: { level: 'info', format: 'json' },
  });
  url = `${postern.endpoint}/mcp`;
  alice = await callerNamed(postern, 'alice');
  bob = await callerNamed(postern, 'bob');
  carol = await callerNamed(postern, 'carol');
  dan = await callerNamed(postern, 'dan');
});
after(async () => {
  await Promise.all([alice.close(), bob.close(), carol.close(), dan.close()]);
  await postern.stop();
  await many.close();
});

type Session = Awaited<ReturnType<typeof openSession>>;

interface List {
  readonly tools: readonly { readonly name: string }[];
  readonly nextCursor?: string;
  readonly _meta?: Readonly<Record<string, readonly { server: string; reason: string }[]>>;
}

async function listOf(caller: Caller, session: Session, cursor?: unknown): Promise<List> {
  const params = cursor === undefined ? {} : { cursor };
  const { message } = await send(caller.fetch, url, request(1, 'tools/list', params), session);
  return message?.['result'] as List;
}

function missingOf({ _meta: meta }: List): ReadonlyMap<string, string> {
  return new Map(meta?.[MISSING]?.map(({ server, reason }) => [server, reason]));
}

async function callTool(caller: Caller, session: Session, name: string) {
  return send(caller.fetch, url, request(2, 'tools/call', { name }), session);
}

function textOf({ message }: Awaited<ReturnType<typeof callTool>>): unknown {
  const { content } = (message?.['result'] ?? {}) as { content?: readonly { text: string }[] };
  return content?.[0]?.text;
}

test(`R-23 one bad upstream breaks no other: ${GOOD} work, and who is missing and why`, async () => {
  const session = await openSession(alice.fetch, url);
  let list: List = { tools: [] };
  await until('all that can answer have', async () => {
    list = await listOf(alice, session);
    return missingOf(list).size === 2;
  });
  const good = list.tools.filter(({ name }) => /^s\d{3}__tool-\d+$/.test(name));
  assert.equal(good.length, GOOD * TOOLS_EACH);
  const missing = missingOf(list);
  assert.deepEqual([...missing.keys()].toSorted(), ['dead', 'silent']);
  assert.match(missing.get('silent') ?? '', /not answered in time/);
  assert.match(missing.get('dead') ?? '', /127\.0\.0\.1:9/);
  const answer = await callTool(alice, session, 's012__tool-7');
  assert.equal(textOf(answer), 's012: tool-7');
  assert.ok(many.sessions.size > GOOD);
  await send(alice.fetch, url, null, session, 'DELETE');
  assert.deepEqual([...many.sessions], [], 'those of the servers ended with it');
});

test('R-23 calls that a server cuts off, or that nobody answers, end alone', async () => {
  const session = await openSession(dan.fetch, url);
  const [cut, whole] = await Promise.all([
    callTool(dan, session, 'cutting__cut'),
    send(dan.fetch, url, request(3, 'tools/call', { name: 's000__tool-1' }), session),
  ]);
  assert.equal(errorCodeOf(cut), -32603);
  assert.equal(textOf(whole), 's000: tool-1');
  await send(dan.fetch, url, null, session, 'DELETE');
});

test('R-11 denied tools still listed: not here, nor can they be called, and denied servers are not missing', async () => {
  const session = await openSession(bob.fetch, url);
  const { tools, _meta: meta } = await listOf(bob, session);
  assert.equal(tools.length, 10);
  assert.ok(tools.every(({ name }) => /^s00\d__tool-1$/.test(name)));
  assert.equal(meta, undefined);
  const denied = await callTool(bob, session, 's001__tool-2');
  assert.equal(errorCodeOf(denied), -32003);
  assert.equal(errorCodeOf(await callTool(bob, session, 's020__tool-1')), -32602);
  assert.equal(textOf(await callTool(bob, session, 's009__tool-1')), 's009: tool-1');
  await until('the denial is in the record', async () =>
    (await postern.record()).some(
      ({ client, mcp, outcome }) =>
        client.principal === 'bob' &&
        mcp.server === 's001' &&
        mcp.tool === 'tool-2' &&
        outcome.status === 'denied',
    ),
  );
  await send(bob.fetch, url, null, session, 'DELETE');
});

test('R-18 a session serves its principal and its endpoint alone, and strangers get none', async () => {
  const session = await openSession(bob.fetch, url);
  for (const method of ['POST', 'GET', 'DELETE']) {
    const body = method === 'POST' ? request(1, 'ping') : null;
    const answer = await send(alice.fetch, url, body, session, method);
    assert.deepEqual([answer.status, errorCodeOf(answer)], [404, -32001], method);
  }
  const guest = await callerNamed(postern, null);
  const refused = await send(guest.fetch, url, request(1, 'tools/list'));
  assert.deepEqual([refused.status, errorCodeOf(refused)], [403, -32003]);
  await guest.close();
  assert.equal((await send(bob.fetch, url, null, session, 'DELETE')).status, 200);
  assert.equal((await send(bob.fetch, url, request(1, 'ping'), session)).status, 404);
});

test('R-23 names that clients would not take are short, and can be called before any list', async () => {
  const session = await openSession(dan.fetch, url);
  const unlisted = await callTool(dan, session, 'odd__dotted_name-233j7asdfbtdvga8');
  const { tools, nextCursor, _meta: meta } = await listOf(dan, session);
  const names = tools.map(({ name }) => name).filter((name) => name.startsWith('odd__'));
  assert.ok(names.every((name) => /^[A-Za-z0-9_-]{1,64}$/.test(name)));
  const [long = '', dotted = '', twice, ...none] = names;
  assert.deepEqual([twice, none], ['odd__twice', []]);
  assert.equal(textOf(unlisted), 'odd: dotted.name', `${dotted} is its name`);
  assert.equal(textOf(await callTool(dan, session, long)), `odd: ${LONG}`);
  assert.deepEqual(meta?.[COLLISIONS], [{ server: 'odd', name: 'odd__twice' }]);
  await postern.logged(({ event }) => event === 'federation.name_collision');

  const second = await listOf(dan, session, nextCursor);
  assert.deepEqual(
    second.tools.map(({ name }) => name),
    ['odd__second-page'],
  );
  for (const cursor of ['x', '', 7, 'e30', 'A'.repeat(100_000)]) {
    const params = { cursor };
    const refused = await send(dan.fetch, url, request(4, 'tools/list', params), session);
    assert.ok(errorCodeOf(refused) === -32602 || cursor === 'e30');
  }
  await send(dan.fetch, url, null, session, 'DELETE');
});

test('R-23 a server that restarted gets a new session, without the client’s doing', async () => {
  const session = await openSession(dan.fetch, url);
  assert.equal(textOf(await callTool(dan, session, 's000__tool-1')), 's000: tool-1');
  many.forget();
  assert.equal(textOf(await callTool(dan, session, 's000__tool-2')), 's000: tool-2');
  const { tools } = await listOf(dan, session);
  assert.ok(tools.some(({ name }) => name === 's000__tool-3'));
  await send(dan.fetch, url, null, session, 'DELETE');
});

test('R-23 the messages of a batch go to their servers, one refused among them', async () => {
  const session = await openSession(dan.fetch, url, '2025-03-26');
  const calls = ['s000__tool-1', 'nobody__has-this', 'odd__twice'];
  const batch = calls.map((name, id) => request(id, 'tools/call', { name }));
  const headers = { accept: 'application/json, text/event-stream', ...session };
  const response = await dan.fetch(url, {
    method: 'POST',
    headers: { ...headers, 'content-type': 'application/json' },
    body: JSON.stringify(batch),
  });
  const answers = await response.text();
  assert.equal(response.status, 200);
  assert.match(answers, /"s000: tool-1"/);
  assert.match(answers, /"odd: twice"/);
  assert.match(answers, /POSTERN_NAME_UNKNOWN/);
  await send(dan.fetch, url, null, session, 'DELETE');
});

test('R-25 a client that just goes away leaves no session, here or at the servers', async () => {
  const lost = await callerNamed(postern, 'dan');
  await callTool(lost, await openSession(lost.fetch, url), 's000__tool-1');
  const sessionsOfS000 = (): number =>
    [...many.sessions].filter((id) => id.startsWith('s000/')).length;
  assert.ok(sessionsOfS000() > 0);
  await lost.close();
  await until('its sessions have ended', () => sessionsOfS000() === 0);
});

test('R-23 a server that answers late turns up: the client hears that the list has changed', async () => {
  const peer = await connectV1(http(1, url, carol.fetch));
  const { tools } = await peer.listTools();
  assert.ok(tools.every(({ name }) => name !== 'silent__quiet'));
  many.release();
  await peer.hears('notifications/tools/list_changed');
  await until('it is in the list', async () =>
    (await peer.listTools()).tools.some(({ name }) => name === 'silent__quiet'),
  );
  await peer.close();
});
