import assert from 'node:assert/strict';
import { PassThrough } from 'node:stream';
import { test } from 'node:test';
import fc from 'fast-check';
import { DEFAULT_LIMITS } from '#lib';
import { answers, scripted, SERVER } from './conversation.fixture.ts';
import { Conversations } from './conversations.ts';
import { converse } from './lines.ts';

const MIB = 1024 * 1024;

/** Says something in these chunks and hangs up; what was heard, and why it ended. */
async function session(chunks: readonly (string | Buffer)[], limits = DEFAULT_LIMITS) {
  const input = new PassThrough();
  const output = new PassThrough();
  const { target, calls } = scripted({ ...SERVER, 'tools/list': answers({ tools: [] }) });
  const conversations = new Conversations();
  const streams = { input, output };
  const ended = converse({ streams, target, limits, events: () => undefined, conversations });
  const heard: Buffer[] = [];
  output.on('data', (chunk: Buffer) => heard.push(chunk));
  input.on('error', () => undefined);
  for (const chunk of chunks) input.write(chunk);
  input.end();
  const why = await ended;
  const text = Buffer.concat(heard).toString();
  const messages = text
    .split('\n')
    .filter((line) => line !== '')
    .map((line) => JSON.parse(line) as Record<string, unknown>);
  assert.equal(conversations.count, 0);
  return { why, messages, calls };
}

const LIST = '{"jsonrpc":"2.0","id":"ü","method":"tools/list"}';

test('R-23 messages come out alike however their bytes are cut', async () => {
  const text = Buffer.from(
    `{"jsonrpc":"2.0","id":0,"method":"initialize","params":{}}\r\n\n${LIST}\n`,
  );
  await fc.assert(
    fc.asyncProperty(fc.array(fc.nat(text.length), { maxLength: 12 }), async (cuts) => {
      const at = [0, ...cuts.toSorted((one, other) => one - other), text.length];
      const chunks = at.slice(1).map((end, index) => text.subarray(at[index], end));
      const { why, messages } = await session(chunks);
      assert.equal(why, null);
      assert.deepEqual(
        messages.map(({ id }) => id),
        [0, 'ü'],
      );
    }),
    { numRuns: 30 },
  );
});

test('R-23 a message in several lines for its reader leaves as one line', async () => {
  const { target } = scripted({
    'tools/list': ({ frame }, sink) => {
      const id = frame?.kind === 'request' ? frame.id : null;
      const body = JSON.stringify({ jsonrpc: '2.0', id, result: { tools: [] } }, null, 2);
      sink.json(200, { sessionId: null }, Buffer.from(body));
    },
  });
  const input = new PassThrough();
  const output = new PassThrough();
  const options = { target, limits: DEFAULT_LIMITS, events: () => undefined };
  const ended = converse({
    ...options,
    streams: { input, output },
    conversations: new Conversations(),
  });
  input.end(`${LIST}\n`);
  await ended;
  assert.match(String(output.read()), /^[^\n]+\n$/);
});

test('R-23 noise is answered until there is nothing else for too long', async () => {
  const { why, messages } = await session([
    `${'noise\n'.repeat(99)}${LIST}\n${'noise\n'.repeat(200)}`,
  ]);
  assert.equal(why?.code, 'POSTERN_REQUEST_REFUSED');
  assert.equal(messages.filter(({ id }) => id === null).length, 199);
  assert.equal(messages.filter(({ id }) => id === 'ü').length, 1);
});

test('R-23 what can be told of a refused request is told to it', async () => {
  const { messages, calls } = await session(['{"jsonrpc":"2.0","id":7,"id":7,"method":"ping"}\n']);
  assert.deepEqual(
    messages.map(({ id }) => id),
    [7],
  );
  assert.deepEqual(calls, []);
});

test('R-23 a line beyond the limit ends it with a failure', async () => {
  const limits = { ...DEFAULT_LIMITS, maxRequestBytes: MIB };
  const { why, messages } = await session([LIST, '\n', Buffer.alloc(MIB + 2, 0x78)], limits);
  assert.equal(why?.code, 'POSTERN_FRAME_TOO_LARGE');
  assert.equal(messages.length, 2);
});
