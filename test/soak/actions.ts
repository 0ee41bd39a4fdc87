/** What clients do during a soak; each action ends with nothing of it left at the client. */
import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';
import { setTimeout as delay } from 'node:timers/promises';
import type { Answer } from '../hostile/support/session.ts';
import { INITIALIZE, McpSession, postMessage } from '../hostile/support/session.ts';
import type { TestPostern } from '../support/postern.ts';

/** What an action works with: a connection of its own and the way to keep time. */
export interface Ground {
  readonly postern: TestPostern;
  readonly fetch: typeof fetch;
  /** Runs a plain call and keeps how long it took. */
  timed(call: () => Promise<Answer>): Promise<Answer>;
}

/** One thing that a client does, from beginning to end. */
export type Action = (ground: Ground) => Promise<void>;

const REVISION = '2026-07-28';
const BIG_BYTES = 1_000_000;

/** The longest pause of the soak's gateway. */
export const BACKOFF_MS = 100;

/** Every action by its name; each is as likely as the others. */
export const ACTIONS: Readonly<Record<string, Action>> = {
  'a session with calls, ended by DELETE': async (ground) => {
    const session = await open(ground, 'stateful');
    for (const text of ['one', 'two', 'three', 'four', 'five']) {
      const answer = await ground.timed(() => session.call('echo', { text }));
      assert.equal(textOf(answer), text);
    }
    await session.end();
  },
  'a session over HTTP, ended by DELETE': async (ground) => {
    const session = await open(ground, 'web');
    assert.equal(textOf(await session.call('echo', { text: 'web' })), 'web');
    await session.end();
  },
  'a session with progress and an open stream, left alone': async (ground) => {
    const session = await open(ground, 'stateful');
    const leave = new AbortController();
    const stream = await ground.fetch(session.url, {
      headers: { accept: 'text/event-stream', 'mcp-session-id': session.id },
      signal: leave.signal,
    });
    assert.equal(stream.status, 200);
    const answer = await session.call('count', { to: 20 }, { progressToken: 7 });
    assert.equal(textOf(answer), 'counted to 20');
    assert.equal(answer.before.length, 20);
    leave.abort();
  },
  'a call that is cancelled': async (ground) => {
    const session = await open(ground, 'stateful');
    // The first call of a session has the id 2.
    const cancelled = session.call('wait', {}, { progressToken: 1 });
    const cancel = { method: 'notifications/cancelled', params: { requestId: 2 } };
    await session.post({ jsonrpc: '2.0', ...cancel });
    assert.equal((await cancelled).message, null);
    await session.end();
  },
  'a large answer': async (ground) => {
    const session = await open(ground, 'stateful');
    const answer = await session.call('big', { bytes: BIG_BYTES });
    assert.equal(textOf(answer).length, BIG_BYTES / 2);
    await session.end();
  },
  'calls without a session': async (ground) => {
    for (const text of ['six', 'seven', 'eight']) {
      const answer = await ground.timed(() => callAlone(ground, 'echo', { text }));
      assert.equal(textOf(answer), text);
    }
  },
  'calls of 2026-07-28 for a server that keeps sessions': async (ground) => {
    for (const text of ['nine', 'ten']) {
      assert.equal(textOf(await callAlone(ground, 'echo', { text }, 'stateful')), text);
    }
  },
  'a session for a server of 2026-07-28': async (ground) => {
    const session = await open(ground, 'stateless');
    assert.equal(textOf(await session.call('echo', { text: 'bridged' })), 'bridged');
    await session.end();
  },
  'a session with all servers at once': async (ground) => {
    const session = await McpSession.open(ground.fetch, `${ground.postern.endpoint}/mcp`);
    const answers = await Promise.all(
      ['stateful', 'web'].map((server) => session.call(`${server}__echo`, { text: server })),
    );
    assert.deepEqual(answers.map(textOf), ['stateful', 'web']);
    await session.end();
  },
  'a call without a session whose client goes away': async (ground) => {
    const leave = new AbortController();
    const { body } = await postAlone(ground, 'tools/call', waiting(), leave.signal);
    await firstEvent(body);
    leave.abort();
  },
  'a subscription': async (ground) => {
    const leave = new AbortController();
    const params = { notifications: { toolsListChanged: true } };
    const { body } = await postAlone(ground, 'subscriptions/listen', params, leave.signal);
    assert.match(await firstEvent(body), /acknowledged/);
    leave.abort();
  },
  'a server that crashes': async (ground) => {
    const session = await openCrashing(ground);
    const { message } = await session.call('crash');
    assert.equal(message?.error?.data?.code, 'POSTERN_UPSTREAM_UNAVAILABLE');
    const { status } = await session.call('echo');
    assert.equal(status, 404);
  },
};

function open({ fetch: through, postern }: Ground, server: string): Promise<McpSession> {
  return McpSession.open(through, postern.url(server));
}

/** A program that has just crashed is not started again for a moment, and the answer says so. */
async function openCrashing(ground: Ground): Promise<McpSession> {
  for (;;) {
    const url = ground.postern.url('crashing');
    const { status, headers, message } = await postMessage(ground.fetch, url, INITIALIZE);
    const id = headers.get('mcp-session-id');
    if (status === 200 && id !== null) return new McpSession(ground.fetch, url, id);
    assert.equal(message?.error?.data?.code, 'POSTERN_UPSTREAM_UNAVAILABLE');
    await delay(BACKOFF_MS);
  }
}

function textOf({ message }: Answer): string {
  const content = message?.result?.['content'] as readonly { text: string }[] | undefined;
  return content?.[0]?.text ?? assert.fail(JSON.stringify(message));
}

function waiting(): CallParams {
  return { name: 'wait', arguments: { key: randomUUID() }, _meta: { progressToken: 'p' } };
}

function callAlone(
  ground: Ground,
  name: string,
  args: object,
  server = 'stateless',
): Promise<Answer> {
  const { message, headers } = stateless('tools/call', { name, arguments: args });
  return postMessage(ground.fetch, ground.postern.url(server), message, headers);
}

function postAlone(
  { fetch: through, postern }: Ground,
  method: string,
  params: CallParams,
  signal: AbortSignal,
): Promise<Response> {
  const { message, headers } = stateless(method, params);
  return through(postern.url('stateless'), {
    method: 'POST',
    headers: {
      ...headers,
      'content-type': 'application/json',
      accept: 'application/json, text/event-stream',
    },
    body: JSON.stringify(message),
    signal,
  });
}

function stateless(method: string, params: CallParams) {
  const meta = {
    ...params['_meta'],
    'io.modelcontextprotocol/protocolVersion': REVISION,
    'io.modelcontextprotocol/clientCapabilities': {},
  };
  const named = params.name === undefined ? {} : { 'mcp-name': params.name };
  return {
    // Not a number that counts, so that clients of one principal can share a process.
    message: { jsonrpc: '2.0', id: randomUUID(), method, params: { ...params, _meta: meta } },
    headers: { 'mcp-protocol-version': REVISION, 'mcp-method': method, ...named },
  };
}

async function firstEvent(body: ReadableStream<Uint8Array> | null): Promise<string> {
  let text = '';
  const decoder = new TextDecoder();
  if (body === null) return text;
  const reader = body.getReader();
  for (let done = false; !done && !text.includes('\n\n');) {
    const read = await reader.read();
    done = read.done;
    if (!read.done) text += decoder.decode(read.value, { stream: true });
  }
  reader.releaseLock();
  return text;
}

interface CallParams {
  readonly name?: string;
  readonly arguments?: object;
  readonly notifications?: object;
  readonly _meta?: object;
}
