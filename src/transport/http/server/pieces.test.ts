/**
 * Streams of spoiled requests, in pieces of any size: each request that the parser takes is answered,
 * once and in order, and nothing else is. `POSTERN_SOAK=1` takes the full number.
 */
import assert from 'node:assert/strict';
import type { Socket } from 'node:net';
import { Duplex } from 'node:stream';
import { test } from 'node:test';
import { setImmediate as turn } from 'node:timers/promises';
import { randomNumbers } from '../../../../test/support/random.ts';
import type { Reading } from '../wire/spoiled-requests.fixture.ts';
import { readRequests, spoiledRequests } from '../wire/spoiled-requests.fixture.ts';
import type { HttpExchange } from './http-exchange.ts';
import { HttpServer } from './http-server.ts';

const STREAMS = 1000;
const SOAK_STREAMS = 300_000;
const COUNT = process.env['POSTERN_SOAK'] === '1' ? SOAK_STREAMS : STREAMS;
const LIMITS = {
  maxHeaderBytes: 16_384,
  headersTimeoutMs: 60_000,
  requestTimeoutMs: 60_000,
  keepAliveTimeoutMs: 60_000,
  slowReaderTimeoutMs: 60_000,
};
const REFUSAL = 'HTTP/1.1 400 Bad Request\r\ncontent-length: 0\r\nconnection: close\r\n\r\n';
const ANSWER = Buffer.from('{}');

test(
  'R-14 whatever the pieces, each request is answered once and in order',
  { timeout: 7_200_000 },
  async () => {
    const random = randomNumbers(Date.now());
    const next = spoiledRequests(random);
    const server = new HttpServer({ limits: LIMITS, onFault: () => Buffer.from(REFUSAL) });
    for (let count = 0; count < COUNT; count += 1) {
      const text = next();
      if (expectsOther(text)) continue;
      const wanted = readRequests(text, false);
      const expected = wanted.readings.map((_, index) => 200 + index);
      if (wanted.isRefused) expected.push(400);
      const { readings, statuses } = await serve(server, text, expected.length, random);
      assert.deepEqual(readings, wanted.readings, JSON.stringify(text));
      // That what is not whole never will be is seen sooner in some pieces than in others.
      if (wanted.taken < text.length && statuses.length > expected.length) expected.push(400);
      assert.deepEqual(statuses, expected, JSON.stringify(text));
    }
  },
);

/** Whether something is expected that gets 417. */
function expectsOther(text: string): boolean {
  const [first, ...others] = text.toLowerCase().match(/expect[^\r\n]*/g) ?? [];
  return others.length > 0 || (first !== undefined && first !== 'expect: 100-continue');
}

/** Sends a text in pieces, and ends when as many answers have come as are expected. */
async function serve(
  server: HttpServer,
  text: string,
  expected: number,
  random: () => number,
): Promise<{ readonly readings: Reading[]; readonly statuses: number[] }> {
  const readings: Reading[] = [];
  let written = '';
  const statuses = (): number[] =>
    [...written.matchAll(/HTTP\/1\.1 (?!100)(\d{3}) /g)].map(([, status]) => Number(status));
  const connection = new Duplex({
    read: () => undefined,
    write: (chunk: Buffer, _encoding, callback) => {
      written += chunk.toString('latin1');
      if (random() < 0.5) callback();
      else setImmediate(callback);
    },
  });
  server.take(connection as Socket, (exchange) => void answer(exchange, readings, random));
  const bytes = Buffer.from(text, 'latin1');
  for (let at = 0; at < bytes.length && !connection.destroyed;) {
    const most = random() < 0.3 ? 4 : bytes.length;
    const end = at + 1 + Math.floor(random() * most);
    connection.push(bytes.subarray(at, end));
    at = end;
    if (random() < 0.5) await turn();
  }
  while (statuses().length < expected && !connection.destroyed) await turn();
  // Whatever else it would say has its time.
  for (let turns = 0; turns < 4; turns += 1) await turn();
  connection.destroy();
  return { readings, statuses: statuses() };
}

async function answer(
  exchange: HttpExchange,
  readings: Reading[],
  random: () => number,
): Promise<void> {
  const { method, target, headers } = exchange;
  let body = '';
  try {
    await exchange.readBody((chunk) => {
      body += chunk.toString('latin1');
    });
  } catch {
    return;
  }
  if (random() < 0.3) await turn();
  const status = 200 + readings.length;
  readings.push({ method, target, fields: { ...headers }, body });
  if (random() < 0.5) {
    exchange.respond(status, {}, ANSWER);
  } else {
    exchange.begin(status, {}, ANSWER.length);
    exchange.write(ANSWER);
    exchange.end();
  }
}
