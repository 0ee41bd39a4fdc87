import assert from 'node:assert/strict';
import { after, test } from 'node:test';
import type { LinkSecurity } from '#crypto';
import type { Upstream, UpstreamReply } from '../upstream.ts';
import {
  all,
  callTool,
  exchange,
  hostile,
  initialize,
  jsonOf,
  messagesOf,
  notification,
  openSession,
  until,
} from './fixtures/harness.ts';

const plain = hostile({ after }, 'plain');

/** What the server of a session has read, as text lines. */
async function heardBy(upstream: Upstream, sessionId: string): Promise<readonly string[]> {
  const reply = jsonOf(await exchange(upstream, callTool('heard', 'heard'), { sessionId }));
  return valueOf(reply)['heard'] as string[];
}

function valueOf(reply: Record<string, unknown>): Record<string, unknown> {
  return (reply['result'] as { structuredContent: Record<string, unknown> }).structuredContent;
}

test('R-23 a session opens, answers and ends; afterwards it is unknown', async () => {
  const { upstream } = plain;
  const links: LinkSecurity[] = [];
  const onLink = (link: LinkSecurity): void => void links.push(link);
  const reply = await exchange(upstream, initialize(), { onLink });
  assert.match(reply.sessionId ?? '', /^[\w-]{43}$/);
  assert.deepEqual(links, [{ kind: 'pipe' }]);
  const { sessionId } = reply;
  const accepted = await exchange(upstream, notification('notifications/initialized'), {
    sessionId,
  });
  assert.deepEqual([accepted.kind, accepted.status], ['empty', 202]);
  const answer = await exchange(upstream, callTool(1, 'echo'), { sessionId });
  assert.deepEqual([answer.kind, answer.status, answer.sessionId], ['json', 200, null]);
  const ended = await exchange(upstream, null, { sessionId, httpMethod: 'DELETE' });
  assert.deepEqual([ended.kind, ended.status], ['empty', 200]);
  await assert.rejects(exchange(upstream, callTool(2, 'echo'), { sessionId }), {
    code: 'POSTERN_SESSION_NOT_FOUND',
    httpStatus: 404,
  });
});

test('R-23 a request without session is refused, and so is a session of somebody else', async () => {
  const { upstream } = plain;
  const sessionId = await openSession(upstream);
  await assert.rejects(exchange(upstream, callTool(1, 'echo')), {
    code: 'POSTERN_SESSION_REQUIRED',
  });
  await assert.rejects(exchange(upstream, null), { code: 'POSTERN_SESSION_REQUIRED' });
  const stolen = exchange(upstream, callTool(1, 'echo'), { sessionId, principal: 'mallory' });
  await assert.rejects(stolen, { code: 'POSTERN_SESSION_NOT_FOUND' });
});

test('sessions are processes of their own', async () => {
  const { upstream } = plain;
  const pids = new Set<unknown>();
  for (let i = 0; i < 2; i += 1) {
    const sessionId = await openSession(upstream);
    pids.add(valueOf(jsonOf(await exchange(upstream, callTool(1, 'pid'), { sessionId })))['pid']);
  }
  assert.equal(pids.size, 2);
});

test('the exact bytes of a request reach the server, on one line', async () => {
  const { upstream } = plain;
  const sessionId = await openSession(upstream);
  const text =
    '{ "jsonrpc": "2.0",\r\n "id": 1.0, "method": "tools/call",\n"params": {"name":"\\u0065cho"}}';
  await exchange(upstream, Buffer.from(text), { sessionId });
  const heard = await heardBy(upstream, sessionId);
  assert.ok(heard.includes(text.replaceAll(/[\r\n]/g, ' ')));
});

test('a reply is a stream as soon as something comes before the answer', async () => {
  const { upstream } = plain;
  const sessionId = await openSession(upstream);
  const call = callTool(5, 'progress', { count: 2 }, { progressToken: 'p' });
  const reply = await exchange(upstream, call, { sessionId });
  const messages = await all(messagesOf(reply));
  assert.deepEqual(
    messages.map((message) => message['method'] ?? message['id']),
    ['notifications/progress', 'notifications/progress', 5],
  );
});

test('progress finds its own call among several', async () => {
  const { upstream } = plain;
  const sessionId = await openSession(upstream);
  const calls = ['a', 'b', 'c'].map((token, id) =>
    exchange(upstream, callTool(id, 'progress', { count: 1 }, { progressToken: token }), {
      sessionId,
    }),
  );
  for (const [id, reply] of (await Promise.all(calls)).entries()) {
    const [progress, answer] = await all(messagesOf(reply));
    assert.deepEqual(progress?.['params'], { progressToken: 'abc'[id], progress: 1 });
    assert.equal(answer?.['id'], id);
  }
});

test('a duplicate id in flight is refused, and so is one request too many', async (t) => {
  const { upstream } = hostile(t, 'plain', { maxInFlightPerSession: 2 });
  const sessionId = await openSession(upstream);
  const hanging = [1, '1'].map((id) => exchange(upstream, callTool(id, 'hang'), { sessionId }));
  const settled = Promise.allSettled(hanging);
  await assert.rejects(exchange(upstream, callTool(1, 'echo'), { sessionId }), {
    code: 'POSTERN_REQUEST_ID_IN_USE',
  });
  await assert.rejects(exchange(upstream, callTool(2, 'echo'), { sessionId }), {
    code: 'POSTERN_UPSTREAM_OVERLOADED',
  });
  await exchange(upstream, null, { sessionId, httpMethod: 'DELETE' });
  for (const result of await settled) assert.equal(result.status, 'rejected');
});

test('a cancelled call is told to the server and its reply ends without an answer', async () => {
  const { upstream } = plain;
  const sessionId = await openSession(upstream);
  const hanging = exchange(upstream, callTool(9, 'hang'), { sessionId });
  const cancel = notification('notifications/cancelled', { requestId: 9, reason: 'enough' });
  await exchange(upstream, cancel, { sessionId });
  assert.deepEqual(await all(messagesOf(await hanging)), []);
  assert.ok((await heardBy(upstream, sessionId)).includes(JSON.stringify(cancel)));
  // The server may still answer: the id stays taken.
  await assert.rejects(exchange(upstream, callTool(9, 'echo'), { sessionId }), {
    code: 'POSTERN_REQUEST_ID_IN_USE',
  });
});

test('a cancelled call that streams ends its stream', async () => {
  const { upstream } = plain;
  const sessionId = await openSession(upstream);
  const call = callTool(1, 'progress', { hang: true }, { progressToken: 1 });
  const reply = await exchange(upstream, call, { sessionId });
  const read = all(messagesOf(reply));
  await exchange(upstream, notification('notifications/cancelled', { requestId: 1 }), {
    sessionId,
  });
  assert.equal((await read).length, 1);
});

test('a client that goes away cancels nothing; the late answer is dropped', async () => {
  const { upstream, events } = plain;
  const sessionId = await openSession(upstream);
  const client = new AbortController();
  const gone = exchange(upstream, callTool(1, 'late', { count: 30 }), {
    sessionId,
    signal: client.signal,
  });
  client.abort();
  await assert.rejects(gone, { code: 'POSTERN_CALL_CANCELLED' });
  await until('the answer is dropped', () =>
    events.some(({ name }) => name === 'upstream.message_dropped'),
  );
  const heard = await heardBy(upstream, sessionId);
  assert.ok(!heard.some((line) => line.includes('notifications/cancelled')));
});

test('a client that goes away during initialize leaves no session', async (t) => {
  const { upstream } = hostile(t, 'silent');
  const client = new AbortController();
  const opening = exchange(upstream, initialize(), { signal: client.signal });
  assert.equal(upstream.stats().sessions, 1);
  client.abort();
  await assert.rejects(opening, { code: 'POSTERN_CALL_CANCELLED' });
  assert.equal(upstream.stats().sessions, 0);
  await until('the process is gone', () => upstream.stats().children === 0);
});

test('a server that refuses initialize is stopped and its error passed on', async (t) => {
  const { upstream } = hostile(t, 'refuse');
  const reply = await exchange(upstream, initialize());
  assert.equal(reply.sessionId, null);
  assert.equal((jsonOf(reply)['error'] as { code: number }).code, -32022);
  assert.equal(upstream.stats().sessions, 0);
});

test('server messages go to the GET stream, and to it alone', async () => {
  const { upstream } = plain;
  const sessionId = await openSession(upstream);
  const stream = messagesOf(await exchange(upstream, null, { sessionId }));
  const reply = await exchange(upstream, callTool(1, 'tell', { count: 3 }), { sessionId });
  assert.equal(reply.kind, 'json');
  for (let data = 0; data < 3; data += 1) {
    const { value } = await stream.next();
    assert.deepEqual((value as { params: unknown }).params, { level: 'info', data });
  }
  await stream.return(undefined);
});

test('without a GET stream they go to the newest call, or wait for the next', async () => {
  const { upstream } = plain;
  const sessionId = await openSession(upstream);
  const reply = await exchange(upstream, callTool(1, 'tell', { count: 2 }), { sessionId });
  assert.equal((await all(messagesOf(reply))).length, 3);
  for (const open of [null, callTool(3, 'echo')]) {
    await exchange(upstream, callTool(2, 'tell-after'), { sessionId });
    const waiting = messagesOf(await exchange(upstream, open, { sessionId }));
    const { value } = await waiting.next();
    assert.equal((value as { method: string }).method, 'notifications/message');
    await waiting.return(undefined);
  }
});

test('messages that nobody takes are bounded: the oldest go, with one warning', async (t) => {
  const made = hostile(t, 'plain', { maxQueuedMessages: 3 });
  const { upstream } = made;
  const sessionId = await openSession(upstream);
  const client = new AbortController();
  const { signal } = client;
  const gone = exchange(upstream, callTool(1, 'tell', { count: 5 }), { sessionId, signal });
  client.abort();
  await assert.rejects(gone, { code: 'POSTERN_CALL_CANCELLED' });
  const told = (what: string): number =>
    made.events.filter(({ message }) => message.includes(what)).length;
  await until('the server has answered', () => told('an answer that nobody waits for') === 1);
  assert.equal(told('no stream of the client takes them'), 1);
  const stream = messagesOf(await exchange(upstream, null, { sessionId }));
  for (const data of [2, 3, 4]) {
    const { value } = await stream.next();
    assert.deepEqual((value as { params: unknown }).params, { level: 'info', data });
  }
  await stream.return(undefined);
});

test('a newer GET stream takes the place of the older', async () => {
  const { upstream } = plain;
  const sessionId = await openSession(upstream);
  const older = all(messagesOf(await exchange(upstream, null, { sessionId })));
  const newer = messagesOf(await exchange(upstream, null, { sessionId }));
  assert.deepEqual(await older, []);
  await exchange(upstream, callTool(1, 'tell'), { sessionId });
  assert.equal(((await newer.next()).value as { method: string }).method, 'notifications/message');
  await newer.return(undefined);
});

test('a server’s request is answered once, by the session that it was sent to', async () => {
  const { upstream } = plain;
  const sessionId = await openSession(upstream, {}, { roots: {} });
  const other = await openSession(upstream);
  const reply = await exchange(upstream, callTool(1, 'ask'), { sessionId });
  const messages = messagesOf(reply);
  const question = (await messages.next()).value as { id: string; method: string };
  assert.equal(question.method, 'roots/list');
  const response = { jsonrpc: '2.0', id: question.id, result: { roots: [] } };
  const unexpected = { code: 'POSTERN_RESPONSE_UNEXPECTED', httpStatus: 400 };
  await assert.rejects(exchange(upstream, response, { sessionId: other }), unexpected);
  const accepted: UpstreamReply = await exchange(upstream, response, { sessionId });
  assert.equal(accepted.status, 202);
  await assert.rejects(exchange(upstream, response, { sessionId }), unexpected);
  const [answer] = await all(messages);
  assert.deepEqual(valueOf(answer ?? {}), { reply: { roots: [] } });
});
