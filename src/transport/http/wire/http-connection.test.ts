import assert from 'node:assert/strict';
import { once } from 'node:events';
import type { Socket } from 'node:net';
import { connect, createServer } from 'node:net';
import type { TestContext } from 'node:test';
import { test } from 'node:test';
import { ConnectionEnded, HttpConnection, SilentConnection } from './http-connection.ts';
import { MalformedMessage } from './malformed.ts';
import { SocketReads } from './socket-reads.ts';

const TIMEOUT = { timeout: 20_000 };
const GET = { method: 'GET', path: '/', headers: [], body: null, longLived: false } as const;
const ANSWER = 'HTTP/1.1 200 OK\r\ncontent-length: 2\r\n';

interface Pair {
  readonly http: HttpConnection;
  readonly socket: Socket;
  /** The server's end. */
  readonly server: Socket;
}

async function pair(
  t: TestContext,
  options: { keepAliveMs?: number; silenceMs?: number } = {},
): Promise<Pair> {
  const listener = createServer().listen(0, '127.0.0.1');
  t.after(() => listener.close());
  await once(listener, 'listening');
  const { port } = listener.address() as { port: number };
  const reads = new SocketReads();
  const socket = connect({ port, host: '127.0.0.1', onread: reads });
  const [[server]] = (await Promise.all([
    once(listener, 'connection'),
    once(socket, 'connect'),
  ])) as [[Socket], unknown];
  server.on('error', () => undefined);
  t.after(() => [socket, server].map((each) => each.destroy()));
  const bounds = { maxHeaderBytes: 16_384, silenceMs: 60_000, keepAliveMs: 60_000 };
  const http = new HttpConnection(socket, reads, { host: 'a.test', ...bounds, ...options });
  return { http, socket, server };
}

/** What comes of a request: the body, the error, or that it was not sent. */
function exchange(
  http: HttpConnection,
  request: Parameters<HttpConnection['send']>[0] = GET,
): Promise<unknown> {
  return new Promise((resolve) => {
    let body = '';
    http.send(request, {
      onHead: () => undefined,
      onData: (chunk) => (body += chunk.toString()),
      onEnd: () => resolve(body),
      onUnsent: () => resolve('unsent'),
      onError: resolve,
    });
  });
}

async function answer(server: Socket, text: string): Promise<void> {
  await once(server, 'data');
  server.write(text);
}

test('R-14 carries one exchange after the other', TIMEOUT, async (t) => {
  const { http, server, socket } = await pair(t);
  for (const body of ['ab', 'cd', 'ef']) {
    const [reply] = await Promise.all([exchange(http), answer(server, `${ANSWER}\r\n${body}`)]);
    assert.equal(reply, body);
  }
  assert.equal(socket.destroyed, false);
  const reply = exchange(http);
  await assert.rejects(exchange(http), /busy/);
  await answer(server, `${ANSWER}connection: close\r\n\r\ngh`);
  assert.equal(await reply, 'gh');
  assert.equal(socket.destroyed, true);
});

test('R-14 takes no response that came before the request', TIMEOUT, async (t) => {
  const { http, server, socket } = await pair(t);
  await Promise.all([exchange(http), answer(server, `${ANSWER}\r\nab`)]);
  const closed = once(socket, 'close');
  server.write(`${ANSWER}\r\nno`);
  await closed;
  assert.equal(await exchange(http), 'unsent');
});

test('R-14 ends a connection on which more comes than was asked for', TIMEOUT, async (t) => {
  const { http, server, socket } = await pair(t);
  const [reply] = await Promise.all([exchange(http), answer(server, `${ANSWER}\r\nab${ANSWER}`)]);
  assert.ok(reply instanceof MalformedMessage);
  assert.equal(socket.destroyed, true);
});

test(
  'a server that goes away amid a response is told apart from one that ends it so',
  TIMEOUT,
  async (t) => {
    const cut = await pair(t);
    const [error] = await Promise.all([
      exchange(cut.http),
      answer(cut.server, `${ANSWER}\r\na`).then(() => cut.server.end()),
    ]);
    assert.ok(error instanceof ConnectionEnded);
    const whole = await pair(t);
    const [reply] = await Promise.all([
      exchange(whole.http),
      answer(whole.server, 'HTTP/1.1 200 OK\r\n\r\nto the end').then(() => whole.server.end()),
    ]);
    assert.equal(reply, 'to the end');
  },
);

test('a silent server is not waited for, a long-lived request is', TIMEOUT, async (t) => {
  const silent = await pair(t, { silenceMs: 100 });
  assert.ok((await exchange(silent.http)) instanceof SilentConnection);
  const patient = await pair(t, { silenceMs: 100 });
  const reply = exchange(patient.http, { ...GET, longLived: true });
  const other = await pair(t, { silenceMs: 300 });
  assert.ok((await exchange(other.http)) instanceof SilentConnection);
  patient.server.write(`${ANSWER}\r\nab`);
  assert.equal(await reply, 'ab');
});

test('an idle connection ends before the server would end it', TIMEOUT, async (t) => {
  const { http, server, socket } = await pair(t);
  const closed = once(socket, 'close');
  await Promise.all([exchange(http), answer(server, `${ANSWER}keep-alive: timeout=2\r\n\r\nab`)]);
  assert.equal(socket.destroyed, false);
  await closed;
  const brief = await pair(t);
  await Promise.all([
    exchange(brief.http),
    answer(brief.server, `${ANSWER}keep-alive: max=5, timeout=1\r\n\r\nab`),
  ]);
  assert.equal(brief.socket.destroyed, true);
});

test('a connection that is never used ends too', TIMEOUT, async (t) => {
  const { socket } = await pair(t, { keepAliveMs: 50 });
  await once(socket, 'close');
});

test('a reader that throws or aborts hears of it once, and nothing more', TIMEOUT, async (t) => {
  for (const how of ['throws', 'aborts'] as const) {
    const { http, server, socket } = await pair(t);
    const heard: string[] = [];
    const over = new Promise<void>((resolve) => {
      http.send(GET, {
        onHead: () => {
          heard.push('head');
          if (how === 'throws') throw new Error('enough');
          http.abort(new Error('enough'));
        },
        onData: () => void heard.push('data'),
        onEnd: () => void heard.push('end'),
        onUnsent: () => void heard.push('unsent'),
        onError: ({ message }) => {
          heard.push(message);
          resolve();
        },
      });
    });
    await answer(server, `${ANSWER}\r\nab`);
    await over;
    await once(socket, 'close');
    assert.deepEqual(heard, ['head', 'enough'], how);
  }
});

test('a paused connection is silent without end, and goes on', TIMEOUT, async (t) => {
  const { http, server } = await pair(t, { silenceMs: 100 });
  const other = await pair(t, { silenceMs: 300 });
  const chunks: string[] = [];
  const begun = Promise.withResolvers<void>();
  const ended = new Promise<void>((resolve, reject) => {
    http.send(GET, {
      onHead: () => {
        http.pause();
        begun.resolve();
      },
      onData: (chunk) => void chunks.push(chunk.toString()),
      onEnd: resolve,
      onUnsent: () => reject(new Error('unsent')),
      onError: reject,
    });
  });
  await answer(server, `${ANSWER}\r\n`);
  await begun.promise;
  server.write('ab');
  assert.ok((await exchange(other.http)) instanceof SilentConnection);
  assert.deepEqual([chunks, http.paused], [[], true]);
  http.resume();
  await ended;
  assert.deepEqual(chunks, ['ab']);
});
