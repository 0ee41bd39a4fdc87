import assert from 'node:assert/strict';
import { once } from 'node:events';
import type { IncomingMessage, Server, ServerResponse } from 'node:http';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { after, before, test } from 'node:test';
import { json } from 'node:stream/consumers';
import { pqFetch } from '../support/clients.ts';
import type { TestPostern } from '../support/postern.ts';
import { startTestPostern } from '../support/postern.ts';
import { request } from '../support/raw.ts';

// A server whose connection breaks at the point that the call names.

let server: Server;
let postern: TestPostern;
let link: ReturnType<typeof pqFetch>;

before(async () => {
  server = createServer((incoming, outgoing) => void answerAndBreak(incoming, outgoing));
  server.listen(0, '127.0.0.1');
  server.unref();
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  postern = await startTestPostern({
    servers: { frail: { http: { url: `http://127.0.0.1:${port}/` } } },
  });
  link = pqFetch(postern);
});
after(async () => {
  await link.close();
  await postern.stop();
  server.closeAllConnections();
  server.close();
});

async function answerAndBreak(incoming: IncomingMessage, outgoing: ServerResponse): Promise<void> {
  const { id, params } = (await json(incoming)) as { id: number; params: { name: string } };
  const progress = { method: 'notifications/progress', params: { progressToken: 1, progress: 1 } };
  outgoing.writeHead(200, { 'content-type': 'text/event-stream' });
  const eventId = params.name === 'resumable' ? 'id: e1\n' : '';
  outgoing.write(`${eventId}data: ${JSON.stringify({ jsonrpc: '2.0', ...progress })}\n\n`);
  if (params.name === 'answered') {
    const answer = { jsonrpc: '2.0', id, result: { content: [] } };
    outgoing.write(`data: ${JSON.stringify(answer)}\n\n`);
  }
  // Behind what was written, so that it arrives first.
  outgoing.write(': over\n\n', () => outgoing.destroy());
}

/** Calls the server; what came before the end, and whether the end was a clean one. */
async function call(name: string): Promise<{ text: string; clean: boolean }> {
  const response = await link.fetch(postern.url('frail'), {
    method: 'POST',
    headers: {
      'content-type': 'application/json',
      accept: 'application/json, text/event-stream',
    },
    body: JSON.stringify(request(7, 'tools/call', { name })),
  });
  let text = '';
  const decoder = new TextDecoder();
  try {
    for await (const chunk of response.body ?? []) text += decoder.decode(chunk, { stream: true });
    return { text, clean: true };
  } catch {
    return { text, clean: false };
  }
}

function answersIn(text: string): readonly unknown[] {
  return text
    .split('\n')
    .filter((line) => line.startsWith('data: '))
    .map((line) => JSON.parse(line.slice(6)) as { id?: number; result?: object; error?: object })
    .filter((message) => message.id === 7);
}

test('R-23 a call whose stream breaks after the answer has one answer', async () => {
  const { text } = await call('answered');
  assert.deepEqual(answersIn(text), [{ jsonrpc: '2.0', id: 7, result: { content: [] } }]);
});

test('R-23 a call whose stream breaks before the answer fails, when nothing can bring it', async () => {
  const { text, clean } = await call('lost');
  const [answer, ...more] = answersIn(text) as { error: { code: number } }[];
  assert.equal(more.length, 0);
  assert.equal(answer?.error.code, -32603);
  assert.ok(clean);
});

test('R-23 a call that can be taken up again breaks as it would directly', async () => {
  const { text, clean } = await call('resumable');
  assert.match(text, /^id: e1$/m);
  assert.deepEqual(answersIn(text), []);
  assert.ok(!clean);
});
