import assert from 'node:assert/strict';
import { once } from 'node:events';
import type { AddressInfo } from 'node:net';
import { connect, createServer } from 'node:net';
import { text } from 'node:stream/consumers';
import type { TestContext } from 'node:test';
import { test } from 'node:test';
import { MessageChannel } from 'node:worker_threads';
import fc from 'fast-check';
import type { LinkSecurity } from '#crypto';
import type { Limits } from '#lib';
import { DEFAULT_LIMITS } from '#lib';
import type { ClientSocket, HttpExchange } from '#transport';
import { HttpServer } from '#transport';
import type { Arrival } from '../listener.ts';
import type { Answer } from './answering.ts';
import { Answering } from './answering.ts';
import { Handover } from './handover.ts';

const LINK: LinkSecurity = { kind: 'plain', loopback: true };

interface Setup {
  readonly port: number;
  readonly handover: Handover;
  /** What arrivals tell of their connections. */
  readonly state: { isOutdated: boolean; isRefused: boolean };
  readonly lose: () => void;
}

/** A server whose requests are answered behind a channel, as in another thread. */
async function serverFor(
  t: TestContext,
  answer: Answer,
  limits: Limits = DEFAULT_LIMITS,
  sockets: ClientSocket[] = [],
): Promise<Setup> {
  const { port1, port2 } = new MessageChannel();
  const state = { isOutdated: false, isRefused: false };
  const arrival: Arrival = {
    link: LINK,
    isOutdated: () => state.isOutdated,
    isRefused: () => state.isRefused,
    refusal: null,
  };
  const handover = new Handover(port1, (exchange, wasTold) => {
    exchange.respond(wasTold ? 502 : 503, {}, null);
  });
  const answering = new Answering(port2, answer, 5000);
  assert.ok(answering);
  const http = new HttpServer({
    limits,
    onFault: ({ kind }) => Buffer.from(`HTTP/1.1 400 ${kind}\r\nconnection: close\r\n\r\n`),
  });
  const server = createServer({ allowHalfOpen: true }, (socket) => {
    sockets.push(socket);
    http.take(socket, (exchange) => handover.send(exchange, 'main', arrival));
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  t.after(() => {
    http.close();
    server.close();
    port1.close();
    port2.close();
  });
  const { port } = server.address() as AddressInfo;
  return { port, handover, state, lose: () => port2.close() };
}

async function bodyOf(exchange: HttpExchange): Promise<Buffer> {
  const chunks: Buffer[] = [];
  await exchange.readBody((chunk) => chunks.push(Buffer.from(chunk)));
  return Buffer.concat(chunks);
}

test('R-14 requests that another thread answers are answered byte by byte as sent', async (t) => {
  const { port } = await serverFor(t, (listener, exchange, { link }) => {
    void (async () => {
      const headers = { listener, kind: link.kind, from: exchange.socket.remoteAddress ?? '' };
      exchange.respond(200, headers, await bodyOf(exchange));
    })();
  });
  const sizes = fc.array(fc.integer({ min: 0, max: 300_000 }), { minLength: 1, maxLength: 4 });
  await fc.assert(
    fc.asyncProperty(sizes, async (each) => {
      await Promise.all(
        each.map(async (size) => {
          const body = Buffer.alloc(size, String(size));
          const answer = await fetch(`http://127.0.0.1:${port}/x`, { method: 'POST', body });
          assert.equal(answer.headers.get('listener'), 'main');
          assert.equal(answer.headers.get('kind'), 'plain');
          assert.equal(answer.headers.get('from'), '127.0.0.1');
          assert.deepEqual(Buffer.from(await answer.arrayBuffer()), body);
        }),
      );
    }),
    { numRuns: 40 },
  );
});

test('R-14 a response of any length waits for its reader', async (t) => {
  const part = Buffer.alloc(64 * 1024, 'x');
  let waiting = 0;
  let written = 0;
  const { port } = await serverFor(t, (_, exchange) => {
    void (async () => {
      exchange.begin(200, {});
      for (let count = 0; count < 1000; count += 1) {
        written += 1;
        if (exchange.write(part)) continue;
        waiting += 1;
        if (!(await exchange.drained())) return;
      }
      exchange.end();
    })();
  });
  const answer = await fetch(`http://127.0.0.1:${port}/`);
  const reader = answer.body?.getReader() ?? assert.fail('no body');
  const first = await reader.read();
  let bytes = first.value?.length ?? 0;
  await new Promise((resolve) => {
    setTimeout(resolve, 200);
  });
  // Buffers of the kernel on both sides, and what may be on its way.
  assert.ok(written < 300, `${written} parts were written ahead of the reader`);
  for (;;) {
    const { done, value } = await reader.read();
    if (done) break;
    bytes += value.length;
  }
  assert.equal(bytes, 1000 * part.length);
  assert.ok(waiting > 0);
});

test('R-14 a response whose last part waits for room ends all the same', async (t) => {
  const ended: Promise<boolean>[] = [];
  const { port } = await serverFor(t, (_, exchange) => {
    const size = Number(exchange.target.slice(1));
    const { promise, resolve } = Promise.withResolvers<boolean>();
    ended.push(promise);
    exchange.onceClosed(() => resolve(exchange.wasSent));
    exchange.begin(200, {}, size);
    exchange.end(Buffer.alloc(size, 'x'));
  });
  // Around the size of what may be on its way.
  const sizes = [524_000, 524_200, 524_288, 600_000, 1_048_576];
  for (const size of sizes) {
    const answer = await fetch(`http://127.0.0.1:${port}/${size}`);
    assert.equal((await answer.arrayBuffer()).byteLength, size);
  }
  assert.deepEqual(
    await Promise.all(ended),
    sizes.map(() => true),
  );
});

test('R-14 a body that nobody reads is left with its client', async (t) => {
  const { promise: begun, resolve: begin } = Promise.withResolvers<HttpExchange>();
  const { port } = await serverFor(t, (_, exchange) => begin(exchange));
  const socket = connect(port, '127.0.0.1');
  t.after(() => socket.destroy());
  socket.write('POST / HTTP/1.1\r\nhost: x\r\ncontent-length: 100000000\r\n\r\n');
  const chunk = Buffer.alloc(1024 * 1024);
  let sent = 0;
  const flood = (): void => {
    while (sent < 90) {
      sent += 1;
      if (!socket.write(chunk)) break;
    }
  };
  socket.on('drain', flood);
  flood();
  const exchange = await begun;
  await new Promise((resolve) => {
    setTimeout(resolve, 300);
  });
  assert.ok(sent < 40, `${sent} MB were taken`);
  exchange.respond(413, {}, null);
  const [head] = (await once(socket, 'data')) as [Buffer];
  assert.match(head.toString(), /^HTTP\/1\.1 413 .*connection: close/s);
});

test('R-14 a client that leaves, or is to leave, is told of; so is one that waits for leave', async (t) => {
  const arrivals: Arrival[] = [];
  const { promise: closed, resolve: close } = Promise.withResolvers<boolean>();
  const { port, handover, state } = await serverFor(t, (_, exchange, arrival) => {
    arrivals.push(arrival);
    if (exchange.target === '/hang') exchange.onceClosed(() => close(exchange.wasSent));
    else void bodyOf(exchange).then((body) => exchange.respond(200, {}, body));
  });
  const socket = connect(port, '127.0.0.1');
  socket.write(
    'POST /echo HTTP/1.1\r\nhost: x\r\nexpect: 100-continue\r\ncontent-length: 2\r\n\r\n',
  );
  const [leave] = (await once(socket, 'data')) as [Buffer];
  assert.equal(leave.toString(), 'HTTP/1.1 100 Continue\r\n\r\n');
  socket.write('ok');
  const [answer] = (await once(socket, 'data')) as [Buffer];
  assert.match(answer.toString(), /200 OK.*ok$/s);
  socket.write('GET /hang HTTP/1.1\r\nhost: x\r\n\r\n');
  while (arrivals.length < 2) await new Promise(setImmediate);
  const [, arrival] = arrivals;
  assert.deepEqual([arrival?.isOutdated(), arrival?.isRefused()], [false, false]);
  state.isOutdated = true;
  state.isRefused = true;
  handover.recheck();
  while (arrival?.isRefused() !== true) await new Promise(setImmediate);
  assert.equal(arrival.isOutdated(), true);
  socket.destroy();
  assert.equal(await closed, false);
});

test('R-14 requests are answered, or cut, when the other thread dies', async (t) => {
  const { promise: hanging, resolve: hang } = Promise.withResolvers<void>();
  let arrived = 0;
  const { port, lose } = await serverFor(t, (_, exchange) => {
    arrived += 1;
    if (arrived === 2) hang();
    if (exchange.target !== '/half') return;
    exchange.begin(200, {});
    exchange.write(Buffer.from('half'));
  });
  const half = connect(port, '127.0.0.1');
  half.write('GET /half HTTP/1.1\r\nhost: x\r\n\r\n');
  const whole = connect(port, '127.0.0.1');
  whole.write('GET /none HTTP/1.1\r\nhost: x\r\n\r\n');
  await hanging;
  const [first] = (await once(half, 'data')) as [Buffer];
  assert.match(first.toString(), /half/);
  lose();
  const [answer] = (await once(whole, 'data')) as [Buffer];
  assert.match(answer.toString(), /^HTTP\/1\.1 502 /);
  assert.doesNotMatch(await text(half), /0\r\n\r\n/);
  // Later ones too, over the same connection; of them nobody has carried out any.
  whole.write('GET /later HTTP/1.1\r\nhost: x\r\n\r\n');
  const [later] = (await once(whole, 'data')) as [Buffer];
  assert.match(later.toString(), /^HTTP\/1\.1 503 /);
  whole.destroy();
});

test('R-14 a client that reads nothing is cut, however much more is said to it', async (t) => {
  const lost = Promise.withResolvers<boolean>();
  const sockets: ClientSocket[] = [];
  const say = async (exchange: HttpExchange): Promise<void> => {
    exchange.onceClosed(() => lost.resolve(exchange.wasSent));
    exchange.begin(200, {});
    const part = Buffer.alloc(64 * 1024);
    while (sockets[0]?.writableNeedDrain === false) {
      exchange.write(part);
      await new Promise(setImmediate);
    }
    const more = setInterval(() => exchange.write(Buffer.from(': there\n\n')), 20);
    exchange.onceClosed(() => clearInterval(more));
  };
  const limits = { ...DEFAULT_LIMITS, slowReaderTimeoutMs: 300 };
  const { port } = await serverFor(t, (_, exchange) => void say(exchange), limits, sockets);
  const client = connect(port, '127.0.0.1').pause();
  t.after(() => client.destroy());
  client.write('GET / HTTP/1.1\r\nhost: x\r\n\r\n');
  assert.equal(await lost.promise, false);
});
