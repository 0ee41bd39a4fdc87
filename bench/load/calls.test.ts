import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Calls } from './calls.ts';
import type { CallShape } from './plan.ts';
import type { Response } from './response.ts';

const TARGET = { host: '127.0.0.1', port: 1, path: '/mcp', tls: null, headers: {} };
const SHAPE: CallShape = {
  revision: '2025-11-25',
  session: 'always',
  tool: 'echo',
  requestBytes: 300,
  answer: 'echo',
  answerBytes: 0,
};

function bodyOf(request: Buffer): { id: number; params: { arguments: { message: string } } } {
  return JSON.parse(request.toString().split('\r\n\r\n')[1] ?? '') as ReturnType<typeof bodyOf>;
}

function answering(message: object, events = false, status = 200): Response {
  const text = JSON.stringify(message);
  const mediaType = events ? 'text/event-stream' : 'application/json';
  return {
    head: { status, mediaType, sessionId: null, contentLength: null },
    body: Buffer.from(events ? `event: message\ndata: ${text}\n\n` : text),
  };
}

function echoOf(request: Buffer) {
  const { id, params } = bodyOf(request);
  const text = `Echo: ${params.arguments.message}`;
  return { jsonrpc: '2.0', id, result: { content: [{ type: 'text', text }] } };
}

test('a request has the size asked for, and only its id changes', () => {
  const calls = new Calls(TARGET, SHAPE);
  calls.inSession('s1');
  const template = calls.template();
  const [one, other] = [calls.nextId(), calls.nextId()];
  const first = template.with(one).toString();
  const second = template.with(other).toString();
  assert.match(first, /^POST \/mcp HTTP\/1\.1\r\n[^]*\r\nmcp-session-id: s1\r\n/);
  assert.equal(first.split('\r\n\r\n')[1]?.length, 300);
  assert.equal(second, first.replaceAll(String(one), String(other)));
});

test('right answers pass in either form, wrong ones do not, before and after the first', () => {
  const calls = new Calls(TARGET, SHAPE);
  const template = calls.template();
  for (const events of [false, true, false]) {
    const id = calls.nextId();
    const right = echoOf(template.with(id));
    const other = echoOf(template.with(calls.nextId()));
    const wrong = [
      answering(other, events),
      answering({ ...other, id }, events),
      answering({ ...right, id: String(id) }, events),
      answering({ ...right, result: { ...right.result, isError: true } }, events),
      answering({ ...right, result: { content: [] } }, events),
      answering({ jsonrpc: '2.0', id, error: { code: -1, message: 'no' } }, events),
      answering(right, events, 500),
    ];
    for (const response of wrong) {
      assert.notEqual(calls.complaint(id, response), null, response.body.toString());
    }
    assert.equal(calls.complaint(id, answering(right, events)), null);
  }
});

test('notifications may come before the answer, other messages may not', () => {
  const calls = new Calls(TARGET, SHAPE);
  const id = calls.nextId();
  const right = echoOf(calls.template().with(id));
  const stream = (before: object): Response => {
    const { head, body } = answering(right, true);
    const first = Buffer.from(`data: ${JSON.stringify(before)}\n\n`);
    return { head, body: Buffer.concat([first, body]) };
  };
  const notification = { jsonrpc: '2.0', method: 'notifications/progress' };
  assert.equal(calls.complaint(id, stream(notification)), null);
  assert.notEqual(calls.complaint(id, stream({ ...notification, id: 1 })), null);
  assert.notEqual(calls.complaint(id, stream(right)), null);
});
