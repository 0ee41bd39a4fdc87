/** Batches of revision 2025-03-26: an array of messages in one body, each a call of its own. */
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import type { StatefulHttp } from '../fixtures/stateful-http.ts';
import { startStatefulHttp } from '../fixtures/stateful-http.ts';
import { pqFetch } from '../support/clients.ts';
import type { TestPostern } from '../support/postern.ts';
import { ALLOW_ALL, startTestPostern } from '../support/postern.ts';
import { openSession, request } from '../support/raw.ts';
import { programAt } from '../support/transports.ts';

interface Message {
  readonly id?: number;
  readonly method?: string;
  readonly result?: object;
  readonly error?: { readonly code: number };
}

interface Answer {
  readonly status: number;
  readonly messages: readonly Message[];
}

let upstream: StatefulHttp;
let postern: TestPostern;
let link: ReturnType<typeof pqFetch>;

before(async () => {
  upstream = await startStatefulHttp();
  postern = await startTestPostern({
    servers: {
      remote: { http: { url: upstream.url } },
      program: { stdio: programAt('test/fixtures/stateful-stdio.ts') },
    },
    policy: {
      rules: [
        ...ALLOW_ALL.rules,
        { id: 'no-fail', effect: 'deny', principals: ['*'], tools: ['fail'] },
      ],
    },
  });
  link = pqFetch(postern);
});
after(async () => {
  await link.close();
  await postern.stop();
  await upstream.close();
});

const echo = (id: number, text: string): object =>
  request(id, 'tools/call', { name: 'echo', arguments: { text } });
const note = { jsonrpc: '2.0', method: 'notifications/roots/list_changed' };

async function post(
  through: typeof fetch,
  url: string,
  body: unknown,
  headers: Record<string, string>,
): Promise<Answer> {
  const response = await through(url, {
    method: 'POST',
    headers: {
      accept: 'application/json, text/event-stream',
      'content-type': 'application/json',
      ...headers,
    },
    body: JSON.stringify(body),
  });
  const text = await response.text();
  const stream = response.headers.get('content-type') === 'text/event-stream';
  const data = stream ? [...text.matchAll(/^data: (.+)$/gm)].map(([, json = '']) => json) : [text];
  const messages = data.filter((json) => json !== '').map((json) => JSON.parse(json) as Message);
  return { status: response.status, messages: messages.flat() };
}

/** The answers among the messages, by id. */
function answersOf({ messages }: Answer): Record<number, unknown> {
  const answers = messages.filter(({ id, method }) => id !== undefined && method === undefined);
  return Object.fromEntries(answers.map(({ id = -1, result, error }) => [id, result ?? error]));
}

for (const server of ['remote', 'program']) {
  test(`R-23 a batch to ${server} is answered as directly`, async () => {
    const batch = [
      echo(1, 'one'),
      note,
      request(2, 'tools/list'),
      request(3, 'no/such/method'),
      request(4, 'tools/call', {
        name: 'count',
        arguments: { to: 3 },
        _meta: { progressToken: 'p' },
      }),
    ];
    const direct = await openSession(fetch, upstream.url, '2025-03-26');
    const expected = await post(fetch, upstream.url, batch, direct);
    const session = await openSession(link.fetch, postern.url(server), '2025-03-26');
    const answer = await post(link.fetch, postern.url(server), batch, session);
    assert.equal(answer.status, 200);
    const { 2: tools, 3: unknown, ...rest } = answersOf(answer);
    const { 2: expectedTools, 3: _, ...expectedRest } = answersOf(expected);
    assert.deepEqual(rest, expectedRest);
    assert.equal((unknown as { code: number }).code, -32601);
    const names = (list: unknown): string[] =>
      (list as { tools: { name: string }[] }).tools.map(({ name }) => name);
    assert.deepEqual(
      names(tools),
      names(expectedTools).filter((name) => name !== 'fail'),
    );
    const progress = answer.messages.filter(({ method }) => method === 'notifications/progress');
    assert.equal(progress.length, 3);
  });

  test(`R-19 each message of a batch to ${server} is decided and recorded by itself`, async () => {
    const url = postern.url(server);
    const session = await openSession(link.fetch, url, '2025-03-26');
    const earlier = (await postern.record()).length;
    const batch = [
      echo(11, 'yes'),
      request(12, 'tools/call', { name: 'fail', arguments: {} }),
      note,
    ];
    const answers = answersOf(await post(link.fetch, url, batch, session));
    assert.deepEqual(answers[11], { content: [{ type: 'text', text: 'yes' }] });
    assert.equal((answers[12] as { code: number }).code, -32003);
    const entries = (await postern.record()).slice(earlier);
    const said = entries.map(({ mcp, decision, outcome }) => [
      mcp.rpc_id,
      mcp.tool ?? mcp.method,
      decision.effect,
      outcome.status,
    ]);
    assert.deepEqual(
      said.toSorted(([a], [b]) => Number(a) - Number(b)),
      [
        [null, 'notifications/roots/list_changed', 'allow', 'ok'],
        [11, 'echo', 'allow', 'ok'],
        [12, 'fail', 'deny', 'denied'],
      ],
    );
    assert.equal(new Set(entries.map(({ id }) => id)).size, 3);
  });

  test(`R-23 a batch to ${server} without requests is accepted without an answer`, async () => {
    const url = postern.url(server);
    const session = await openSession(link.fetch, url, '2025-03-26');
    assert.deepEqual(await post(link.fetch, url, [note, note], session), {
      status: 202,
      messages: [],
    });
  });
}

test('R-23 later revisions have no batches', async () => {
  const url = postern.url('remote');
  for (const revision of ['2025-06-18', '2025-11-25', '2026-07-28']) {
    const headers = { 'mcp-protocol-version': revision };
    const { status, messages } = await post(link.fetch, url, [echo(1, 'x')], headers);
    assert.equal(status, 400);
    assert.equal(messages[0]?.error?.code, -32600);
  }
});

test('R-23 answers of a client in a batch reach the server', async () => {
  const url = postern.url('program');
  const session = await openSession(link.fetch, url, '2025-03-26');
  const unknown = { jsonrpc: '2.0', id: 'nobody-asked', result: {} };
  const { status, messages } = await post(link.fetch, url, [unknown], session);
  assert.equal(status, 400);
  assert.equal(messages.length, 1);
});

test('R-23 more requests than run at a time are all answered', async () => {
  const url = postern.url('program');
  const session = await openSession(link.fetch, url, '2025-03-26');
  const ids = Array.from({ length: 64 }, (_, index) => index + 100);
  const answer = await post(
    link.fetch,
    url,
    ids.map((id) => echo(id, `text ${id}`)),
    session,
  );
  const answers = answersOf(answer);
  for (const id of ids) {
    assert.deepEqual(answers[id], { content: [{ type: 'text', text: `text ${id}` }] });
  }
  const tooMany = [...ids, 164].map((id) => echo(id, ''));
  assert.equal((await post(link.fetch, url, tooMany, session)).status, 400);
});
