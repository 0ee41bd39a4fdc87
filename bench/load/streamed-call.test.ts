import assert from 'node:assert/strict';
import { test } from 'node:test';
import {
  FIRST_PROGRESS,
  progressTemplate,
  STREAM_MESSAGES,
  StreamedCall,
} from './streamed-call.ts';

const HEAD =
  'HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\ntransfer-encoding: chunked\r\n\r\n';

function chunk(text: string): Buffer {
  const bytes = Buffer.from(text);
  return Buffer.from(`${bytes.length.toString(16)}\r\n${text}\r\n`);
}

function event(number: number): string {
  return `event: message\ndata: ${progressTemplate()
    .with(FIRST_PROGRESS + number)
    .toString()}\n\n`;
}

test('a long stream has to hold every message, each as it was sent, and then the result', () => {
  const call = new StreamedCall();
  assert.equal(call.push(Buffer.from(HEAD)), false);
  const template = progressTemplate();
  for (let number = 0; number < STREAM_MESSAGES; number += 1) {
    const bytes = template.with(FIRST_PROGRESS + number);
    assert.equal(call.push(chunk(`data: ${bytes.toString('latin1')}\n\n`)), false);
  }
  const result = chunk('data: {"jsonrpc":"2.0","id":1,"result":{}}\n\n');
  assert.equal(call.push(result), false);
  assert.equal(call.push(Buffer.from('0\r\n\r\n')), true);
  assert.ok(call.bytes >= 1e8);
});

test('a message that is missing, repeated or changed ends the stream with an error', () => {
  const changed = event(1).replace('zz', 'zy');
  for (const second of [event(0), event(2), changed, 'data: {"id":1,"result":{}}\n\n']) {
    const call = new StreamedCall();
    call.push(Buffer.from(HEAD));
    call.push(chunk(event(0)));
    assert.throws(() => call.push(chunk(second)), /wrong message 1/);
  }
  const short = new StreamedCall();
  short.push(Buffer.from(HEAD));
  assert.throws(() => short.push(Buffer.from('0\r\n\r\n')), /ended after 0 messages/);
  const refused =
    'HTTP/1.1 503 No\r\ncontent-type: application/json\r\ncontent-length: 2\r\n\r\n{}';
  assert.throws(() => new StreamedCall().push(Buffer.from(refused)), /no stream, but 503/);
});
