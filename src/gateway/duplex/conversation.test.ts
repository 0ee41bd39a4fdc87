import assert from 'node:assert/strict';
import { test } from 'node:test';
import { DEFAULT_LIMITS } from '#lib';
import type { Call } from '#pipeline';
import { until } from '../../../test/support/until.ts';
import { Conversations } from './conversations.ts';
import type { Target } from './exchanges.ts';
import {
  answers,
  converseWith,
  eventOf,
  NO_SESSION,
  scripted,
  SERVER,
  SESSION,
  status,
  stays,
  streams,
} from './conversation.fixture.ts';

const INITIALIZE = { id: 0, method: 'initialize', params: {} };
const INITIALIZED = { method: 'notifications/initialized' };
const META = { _meta: { 'io.modelcontextprotocol/protocolVersion': '2026-07-28' } };

function nameOf({ frame, httpMethod }: Call): string {
  if (frame === null) return httpMethod;
  return frame.kind === 'response' ? 'response' : frame.method;
}

test('R-23 what is said at once goes its way in order, in the session of the first', async () => {
  let release = (): void => undefined;
  const opened = new Promise<void>((resolve) => (release = resolve));
  const { conversation, calls, heard, say } = converseWith({
    initialize: async (call, sink) => {
      await opened;
      answers({ protocolVersion: '2025-06-18' }, SESSION)(call, sink);
    },
  });
  say(INITIALIZE, INITIALIZED, { id: 1, method: 'tools/list' }, { id: 'x', result: {} });
  release();
  await until('the answer is out', () => heard.length === 2);
  await conversation.finish(1000);
  assert.deepEqual(
    calls.map((call) => [nameOf(call), call.sessionId, call.revision.name]),
    [
      ['initialize', null, '2025-03-26'],
      ['notifications/initialized', 'session-1', '2025-06-18'],
      ['GET', 'session-1', '2025-06-18'],
      ['tools/list', 'session-1', '2025-06-18'],
      ['response', 'session-1', '2025-06-18'],
      ['DELETE', 'session-1', '2025-06-18'],
    ],
  );
  assert.deepEqual(calls[0]?.mcpHeaders, {});
  assert.deepEqual(calls[1]?.mcpHeaders, { 'mcp-protocol-version': '2025-06-18' });
  assert.equal(await conversation.ended, null);
});

test('R-23 a second initialize is refused, one after a failure is not', async () => {
  let failed = false;
  const { conversation, heard, say } = converseWith({
    initialize: (call, sink) => {
      const body = { jsonrpc: '2.0', id: 0, error: { code: -32602, message: 'no' } };
      if (failed) answers({}, SESSION)(call, sink);
      else sink.json(200, NO_SESSION, Buffer.from(JSON.stringify(body)));
      failed = true;
    },
  });
  say(INITIALIZE, { ...INITIALIZE, id: 1 }, { ...INITIALIZE, id: 2 });
  await until('all are answered', () => heard.length === 3);
  await conversation.close(null);
  const codes = heard.map(({ error }) => (error as { code?: number } | undefined)?.code);
  assert.deepEqual(codes, [-32602, undefined, -32600]);
});

test('R-23 the stream of the session is opened again where it ended, unless there is none', async () => {
  const seen: (string | null)[] = [];
  const { conversation, heard, say } = converseWith({
    GET: (call, sink) => {
      seen.push(call.lastEventId);
      return seen.length > 1
        ? stays(call, sink)
        : streams(eventOf({ method: 'notifications/tools/list_changed' }, 'e1'))(call, sink);
    },
  });
  say(INITIALIZE, INITIALIZED);
  await until('it is open again', () => seen.length === 2);
  assert.deepEqual(seen, [null, 'e1']);
  assert.equal(heard.at(-1)?.['method'], 'notifications/tools/list_changed');
  await conversation.close(null);

  const none = converseWith({ GET: status(405) });
  none.say(INITIALIZE, INITIALIZED, { id: 1, method: 'ping' });
  await until('the ping is answered', () => none.heard.length === 2);
  await none.conversation.close(null);
  assert.equal(none.calls.filter((call) => nameOf(call) === 'GET').length, 1);
});

test('R-23 a reply whose stream breaks off is taken up again by the id of its last event', async () => {
  const { conversation, calls, heard, say } = converseWith({
    'tools/call': streams(eventOf({ method: 'notifications/progress', params: {} }, 'p1')),
    GET: (call, sink) =>
      call.lastEventId === null
        ? stays(call, sink)
        : streams(eventOf({ id: 1, result: { late: true } }))(call, sink),
  });
  say(INITIALIZE, INITIALIZED, { id: 1, method: 'tools/call', params: { name: 'x' } });
  await until('the answer has come', () => heard.some(({ id }) => id === 1));
  assert.deepEqual(heard.at(-1)?.['result'], { late: true });
  assert.equal(calls.findLast((call) => nameOf(call) === 'GET')?.lastEventId, 'p1');
  await conversation.close(null);
});

test('R-23 a request that the server leaves unanswered is answered with an error', async () => {
  const { conversation, heard, say } = converseWith({
    'tools/call': streams(),
    'subscriptions/listen': streams(),
    'tools/list': (_call, sink) => {
      const error = { code: -32000, message: 'no', data: { why: 'because' } };
      const body = JSON.stringify({ jsonrpc: '2.0', id: null, error });
      sink.json(400, NO_SESSION, Buffer.from(body));
    },
  });
  say(INITIALIZE, { id: 1, method: 'tools/call', params: { name: 'x' } });
  await until('an error', () => heard.length === 2);
  say({ id: 2, method: 'subscriptions/listen', params: META }, { id: 3, method: 'tools/list' });
  await until('both ends', () => heard.length === 4);
  await conversation.close(null);
  assert.match(JSON.stringify(heard[1]), /"id":1.*POSTERN_UPSTREAM_PROTOCOL/);
  const [listen, list] = heard.slice(2).toSorted((one) => ('method' in one ? -1 : 1));
  assert.match(JSON.stringify(listen), /notifications\/cancelled.*"requestId":2/);
  assert.match(JSON.stringify(list), /because.*/);
  assert.equal(list?.['id'], 3);
});

test('R-23 a session that the server has lost ends the conversation, after the answer', async () => {
  const { conversation, calls, heard, say } = converseWith({
    'tools/list': (_call, sink) => {
      const error = { code: -32001, message: 'no such session' };
      const body = JSON.stringify({ jsonrpc: '2.0', id: 1, error });
      sink.json(404, NO_SESSION, Buffer.from(body));
    },
  });
  say(INITIALIZE, INITIALIZED, { id: 1, method: 'tools/list' });
  assert.equal((await conversation.ended)?.code, 'POSTERN_UPSTREAM_UNAVAILABLE');
  assert.equal(heard.at(-1)?.['id'], 1);
  assert.ok(!calls.some((call) => nameOf(call) === 'DELETE'));
});

test('R-23 cancelling reaches the server: as a message in a session, else by going away', async () => {
  const ended: string[] = [];
  const waits = async (call: Call, sink: Parameters<typeof stays>[1]): Promise<void> => {
    await stays(call, sink);
    ended.push(call.revision.era);
  };
  const { conversation, calls, heard, say } = converseWith({ 'tools/call': waits });
  const cancel = (requestId: number) => ({
    method: 'notifications/cancelled',
    params: { requestId },
  });
  say({ id: 1, method: 'tools/call', params: { name: 'x', ...META } }, cancel(1), cancel(9));
  await until('the stateless one has ended', () => ended.length === 1);
  say(INITIALIZE, INITIALIZED, { id: 2, method: 'tools/call', params: { name: 'x' } }, cancel(2));
  await until('the stateful one has ended', () => ended.length === 2);
  await conversation.finish(1000);
  assert.deepEqual(ended, ['stateless', 'stateful']);
  assert.equal(heard.length, 1, 'nothing but the answer to initialize');
  const stateless = calls.find((call) => call.revision.era === 'stateless');
  assert.deepEqual(stateless?.mcpHeaders, {
    'mcp-protocol-version': '2026-07-28',
    'mcp-method': 'tools/call',
    'mcp-name': 'x',
  });
  const told = calls.filter((call) => nameOf(call) === 'notifications/cancelled');
  assert.deepEqual(
    told.map(({ sessionId }) => sessionId),
    ['session-1'],
  );
});

test('R-23 too much at once is refused, and the end waits for what has come', async () => {
  const limits = { ...DEFAULT_LIMITS, maxQueuedMessages: 4, maxInFlightPerSession: 2 };
  const released = Promise.withResolvers<void>();
  const { conversation, heard, say } = converseWith(
    {
      'tools/call': async (call, sink) => {
        await released.promise;
        answers()(call, sink);
      },
    },
    { limits },
  );
  const call = (id: number) => ({ id, method: 'tools/call', params: { name: 'x', ...META } });
  say(call(1), call(2), call(3), call(1));
  assert.throws(() => say(call(4)), { code: 'POSTERN_OVERLOADED' });
  await conversation.room;
  await until('two are refused', () => heard.length === 2);
  assert.match(JSON.stringify(heard[0]), /"id":3.*max_in_flight_per_session/);
  assert.match(JSON.stringify(heard[1]), /"id":1.*POSTERN_REQUEST_ID_IN_USE/);
  const finished = conversation.finish(60_000);
  say(call(5));
  await until('a later one is refused', () => heard.length === 3);
  assert.match(JSON.stringify(heard[2]), /"id":5.*POSTERN_STOPPING/);
  released.resolve();
  await finished;
  assert.deepEqual(new Set(heard.slice(3).map(({ id }) => id)), new Set([1, 2]));
});

test('R-23 a client that is gone ends everything, whatever the server does', async () => {
  const { conversation, calls, say } = converseWith(
    { 'tools/call': stays },
    { write: () => Promise.reject(new Error('gone')) },
  );
  let closed = false;
  say(INITIALIZE, INITIALIZED, { id: 1, method: 'tools/call', params: { name: 'x' } });
  await until('there is a call', () => calls.length > 0);
  calls[0]?.connection.onceClosed(() => (closed = true));
  assert.notEqual(await conversation.ended, null);
  assert.ok(closed);
  assert.equal(nameOf(calls.at(-1) as Call), 'DELETE');
});

test('R-16 R-18 a subscription ends when policy denies what it is about, and nothing else does', async () => {
  const { target, calls } = scripted({ ...SERVER, 'subscriptions/listen': stays });
  let denied = '';
  const permits: Target['permits'] = ({ frame }) =>
    denied === '' || frame?.bytes.includes(denied) !== true;
  const { conversation, heard, say } = converseWith({}, { target: { ...target, permits } });
  const conversations = new Conversations();
  conversations.add(conversation);
  const listen = (id: number, uri: string): void => {
    const params = { ...META, notifications: { resourceSubscriptions: [uri] } };
    say({ id, method: 'subscriptions/listen', params });
  };
  listen(1, 'note://one');
  listen(2, 'note://two');
  await until('both are there', () => calls.length === 2);
  conversations.recheck(0);
  denied = 'note://one';
  conversations.recheck(0);
  await until('it is told', () => heard.length === 1);
  assert.deepEqual(heard[0]?.['params'], {
    requestId: 1,
    reason: 'the server ended the subscription',
  });
  assert.equal(conversation.isBusy, true);
  await conversation.close(null);
  assert.equal(heard.length, 1);
});
