import assert from 'node:assert/strict';
import { once } from 'node:events';
import type { ServerResponse } from 'node:http';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import type { TestContext } from 'node:test';
import { test } from 'node:test';
import { Calls } from './calls.ts';
import { closedLoop } from './closed-loop.ts';
import { Connection } from './connection.ts';
import { dialer } from './dial.ts';
import { openLoop } from './open-loop.ts';

const SHAPE = {
  revision: '2025-11-25',
  session: 'never',
  tool: 'echo',
  requestBytes: 300,
  answer: 'echo',
  answerBytes: 0,
} as const;
const TIMES = { warmUpMs: 100, warmUpCalls: 50, windowMs: 300, openMs: 0 };

/** An echo server and connections to it; `reply` sends what it is given, when and how it wants. */
async function setUp(
  t: TestContext,
  reply: (response: ServerResponse, body: string) => void,
): Promise<{ connections: Connection[]; calls: Calls }> {
  const server = createServer((request, response) => {
    let text = '';
    request.on('data', (chunk: Buffer) => {
      text += chunk.toString();
    });
    request.on('end', () => {
      const { id, params } = JSON.parse(text) as {
        id: number;
        params: { arguments: { message: string } };
      };
      const content = [{ type: 'text', text: `Echo: ${params.arguments.message}` }];
      reply(response, JSON.stringify({ jsonrpc: '2.0', id, result: { content } }));
    });
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  const target = { host: '127.0.0.1', port, path: '/mcp', tls: null, headers: {} };
  const dial = dialer(target);
  const dialled = await Promise.all(Array.from({ length: 4 }, () => dial()));
  const connections = dialled.map(({ socket }) => new Connection(socket));
  t.after(() => {
    for (const connection of connections) connection.close();
    server.close();
  });
  return { connections, calls: new Calls(target, SHAPE) };
}

function send(response: ServerResponse, body: string): void {
  const length = Buffer.byteLength(body);
  response.writeHead(200, { 'content-type': 'application/json', 'content-length': length });
  response.end(body);
}

test('the closed loop counts right answers', async (t) => {
  const { connections, calls } = await setUp(t, send);
  const window = await closedLoop(connections, calls, TIMES, []);
  assert.equal(window.errors, 0);
  assert.ok(window.calls > 50, String(window.calls));
  assert.ok(window.latencyUs.p50 > 0);
});

test('a wrong answer and a lost connection are errors', async (t) => {
  let answered = 0;
  const { connections, calls } = await setUp(t, (response, body) => {
    answered += 1;
    if (answered === 300) response.destroy();
    else send(response, answered === 200 ? body.replace('Echo', 'Ouch') : body);
  });
  const times = { ...TIMES, warmUpCalls: 0, warmUpMs: 0 };
  const window = await closedLoop(connections, calls, times, []);
  assert.equal(window.errors, 2, window.complaints.join('; '));
  assert.match(window.complaints.join('; '), /wrong answer.*closed the connection/);
});

test('the open loop counts a stall for every call that was due in it', async (t) => {
  const stallMs = 300;
  let answered = 0;
  const waiting: (() => void)[] = [];
  let stalled = false;
  const { connections, calls } = await setUp(t, (response, body) => {
    answered += 1;
    if (answered === 100) {
      stalled = true;
      setTimeout(() => {
        stalled = false;
        for (const go of waiting.splice(0)) go();
      }, stallMs);
    }
    if (stalled) waiting.push(() => send(response, body));
    else send(response, body);
  });
  const window = await openLoop(connections, calls, { rate: 500, windowMs: 1000 }, []);
  assert.equal(window.errors, 0);
  assert.equal(window.calls, 500);
  // 150 of 500 calls were due while nothing was answered: half of those waited over half the stall.
  assert.ok(window.latencyUs.max >= stallMs * 1000 * 0.95, String(window.latencyUs.max));
  assert.ok(window.latencyUs.p99 > stallMs * 1000 * 0.8, String(window.latencyUs.p99));
});
