/** Large messages and long streams pass, and readers that do not read cost next to nothing. */
import assert from 'node:assert/strict';
import type { ServerResponse } from 'node:http';
import { createServer } from 'node:http';
import { after, before, test } from 'node:test';
import { pqFetch } from '../support/clients.ts';
import type { TestPostern } from '../support/postern.ts';
import { startTestPostern } from '../support/postern.ts';
import { until } from '../support/until.ts';
import { listen, reader } from './support/http-servers.ts';
import { memoryOf, NO_PROC, pidOf, untilStatus } from './support/processes.ts';
import { hostileServer } from './support/programs.ts';
import { RawConnection } from './support/raw-http.ts';
import { contentOf, McpSession, postMessage } from './support/session.ts';

const MIB = 1024 * 1024;
const ON_LINUX = { skip: NO_PROC };
const EVENT_BYTES = 1024;
const STREAM_EVENTS = 10 * 1024;
const BIG_ANSWER = 12 * MIB;

let postern: TestPostern;
let http: ReturnType<typeof pqFetch>;
let upstream: Awaited<ReturnType<typeof listen>>;
/** Bytes that the HTTP server could get rid of in its endless streams. */
let streamed = 0;

before(async () => {
  upstream = await listen(createServer(reader(serve)));
  postern = await startTestPostern({
    servers: {
      program: hostileServer(),
      remote: { http: { url: `http://127.0.0.1:${upstream.port}/` } },
    },
    limits: { slow_reader_timeout_ms: 1000 },
    log: { level: 'info', format: 'json' },
  });
  http = pqFetch(postern);
});
after(async () => {
  await http.close();
  await postern.stop();
  await upstream.close();
});

/** Answers by the id: an endless stream, a long one, or one large message. */
function serve(response: ServerResponse, id: unknown): void {
  if (id === 'big') {
    response.writeHead(200, { 'content-type': 'application/json' }).end(BIG);
    return;
  }
  response.writeHead(200, { 'content-type': 'text/event-stream' });
  const event = `data: ${notification('x'.repeat(EVENT_BYTES))}\n\n`;
  let left = id === 'endless' ? Infinity : STREAM_EVENTS;
  const send = (): void => {
    for (; left > 0; left -= 1) {
      if (response.destroyed) return;
      streamed += event.length;
      if (!response.write(event)) {
        left -= 1;
        response.once('drain', send);
        return;
      }
    }
    response.end(`data: ${answer(String(id), 0)}\n\n`);
  };
  send();
}

const BIG = Buffer.from(answer('big', BIG_ANSWER));

function notification(data: string): string {
  return JSON.stringify({ jsonrpc: '2.0', method: 'notifications/message', params: { data } });
}

function answer(id: string, bytes: number): string {
  return JSON.stringify({ jsonrpc: '2.0', id, result: { filler: 'x'.repeat(bytes) } });
}

function message(id: string): Record<string, unknown> {
  return { jsonrpc: '2.0', id, method: 'tools/call', params: { name: 'any' } };
}

/** Waits until so many calls are in flight. */
function inFlight(count: number): Promise<void> {
  return untilStatus(postern, `${count} in flight`, (status) => status.calls_in_flight === count);
}

/** Grown memory in MiB while something happens, sampled. */
async function growthDuring(work: () => Promise<void>): Promise<number> {
  const pid = pidOf(postern);
  const start = memoryOf(pid);
  let peak = start;
  const timer = setInterval(() => {
    peak = Math.max(peak, memoryOf(pid));
  }, 20);
  await work().finally(() => clearInterval(timer));
  return (peak - start) / MIB;
}

test('messages of 1 MB pass both ways, ten at once', ON_LINUX, async (t) => {
  const session = await McpSession.open(http.fetch, postern.url('program'));
  const filler = 'y'.repeat(MIB);
  const grown = await growthDuring(async () => {
    const calls = Array.from({ length: 10 }, () => session.call('huge', { count: MIB, filler }));
    for (const answered of await Promise.all(calls)) {
      const { filler: returned } = contentOf(answered) as { filler: string };
      assert.equal(returned.length, MIB);
    }
  });
  await session.end();
  t.diagnostic(`memory +${grown.toFixed(1)} MiB`);
  assert.ok(grown < 160);
});

test('a stream of 10 MB passes', ON_LINUX, async (t) => {
  const grown = await growthDuring(async () => {
    const reply = await postMessage(http.fetch, postern.url('remote'), message('long'));
    assert.equal(reply.before.length, STREAM_EVENTS);
    assert.equal(reply.message?.id, 'long');
  });
  t.diagnostic(`memory +${grown.toFixed(1)} MiB`);
  assert.ok(grown < 96);
});

const ENDLESS: Readonly<Record<string, (session: string) => string>> = {
  remote: () => JSON.stringify(message('endless')),
  program: () =>
    JSON.stringify({
      ...message('flood'),
      params: { name: 'flood', _meta: { progressToken: 1 } },
    }),
};
for (const [server, body] of Object.entries(ENDLESS)) {
  test(
    `a reader that does not read stops the stream of a ${server}, and is let go`,
    ON_LINUX,
    async (t) => {
      const session =
        server === 'program' ? (await McpSession.open(http.fetch, postern.url(server))).id : '';
      const connection = await RawConnection.open(postern);
      const grown = await growthDuring(async () => {
        connection.socket.pause();
        connection.write(post(server, body(session), session));
        await inFlight(1);
        await inFlight(0);
      });
      t.diagnostic(`memory +${grown.toFixed(1)} MiB`);
      assert.ok(grown < 48, `memory grew by ${grown.toFixed(1)} MiB`);
      await connection.close();
    },
  );
}

test('the endless stream was held back all the while', () => {
  assert.ok(streamed < 48 * MIB, `${streamed} bytes`);
});

test('large answers that nobody reads are let go of too', ON_LINUX, async () => {
  const connections = await Promise.all(
    Array.from({ length: 8 }, () => RawConnection.open(postern)),
  );
  for (const connection of connections) {
    connection.socket.pause();
    connection.write(post('remote', JSON.stringify(message('big')), ''));
  }
  await inFlight(connections.length);
  await inFlight(0);
  for (const connection of connections) connection.socket.resume();
  await until('their connections are cut', () => connections.every(({ closed }) => closed));
  for (const { received } of connections) assert.ok(received.length < BIG_ANSWER);
});

function post(server: string, body: string, session: string): string {
  const named = session === '' ? '' : `Mcp-Session-Id: ${session}\r\n`;
  return (
    `POST /servers/${server}/mcp HTTP/1.1\r\nHost: localhost\r\n${named}` +
    `Content-Type: application/json\r\nContent-Length: ${body.length}\r\n\r\n${body}`
  );
}
