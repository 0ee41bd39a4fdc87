import assert from 'node:assert/strict';
import { once } from 'node:events';
import type { IncomingMessage, ServerResponse } from 'node:http';
import { createServer } from 'node:http';
import { createServer as createTcpServer } from 'node:net';
import type { Socket } from 'node:net';
import type { TestContext } from 'node:test';
import { test } from 'node:test';
import type { LinkSecurity } from '#crypto';
import { DEFAULT_LIMITS } from '#lib';
import { revisionByName } from '#mcp';
import {
  ANSWER,
  bare,
  listen,
  post,
  statelessRevision,
  until,
  upstreamFor,
} from '../../../test/support/http-upstream.ts';
import type { EventsReply, StreamEvent, UpstreamReply } from '../upstream.ts';
import type { HttpUpstreamOptions } from './courier.ts';
import type { HttpUpstream } from './upstream.ts';

const JSON_TYPE = { 'content-type': 'application/json' };
const SSE_TYPE = { 'content-type': 'text/event-stream' };
const TIMEOUT = { timeout: 20_000 };

type Handler = (request: IncomingMessage, response: ServerResponse) => void | Promise<void>;

async function serve(
  t: TestContext,
  handler: Handler,
  options: Partial<HttpUpstreamOptions> = {},
): Promise<HttpUpstream> {
  const port = await listen(
    t,
    createServer((request, response) => void handler(request, response)),
  );
  return upstreamFor(t, `http://127.0.0.1:${port}/mcp?tenant=a`, options).upstream;
}

/** A server that reads one request head and then writes exactly these bytes. */
async function serveRaw(t: TestContext, ...responses: string[]): Promise<HttpUpstream> {
  const server = createTcpServer((socket) => {
    socket.once('data', () => {
      for (const response of responses) socket.write(response);
      if (responses.length > 0) socket.end();
    });
  });
  return upstreamFor(t, `http://127.0.0.1:${await listen(t, server)}/mcp`).upstream;
}

function head(status: number, headers: readonly string[]): string {
  return [`HTTP/1.1 ${status} Status`, ...headers, '', ''].join('\r\n');
}

async function bodyOf(request: IncomingMessage): Promise<string> {
  let body = '';
  for await (const chunk of request) body += String(chunk);
  return body;
}

async function drain(reply: UpstreamReply): Promise<StreamEvent[]> {
  const events: StreamEvent[] = [];
  for await (const event of eventsOf(reply)) events.push(event);
  return events;
}

function eventsOf(reply: UpstreamReply): EventsReply['events'] {
  assert.ok(reply.kind === 'events');
  return reply.events;
}

test(
  'R-23 a JSON reply passes with its status, and the request arrives as it was',
  TIMEOUT,
  async (t) => {
    let seen: IncomingMessage | null = null;
    let body = '';
    const upstream = await serve(
      t,
      async (request, response) => {
        seen = request;
        body = await bodyOf(request);
        response.writeHead(400, { 'content-type': 'Application/JSON; charset=utf-8' });
        response.end('{"jsonrpc":"2.0","id":1,"error":{"code":-1,"message":"no"}}');
      },
      { headers: { authorization: 'Bearer gateway' } },
    );
    const revision = statelessRevision();
    const mcpHeaders = {
      'mcp-method': 'tools/call',
      'mcp-param-region': 'eu',
      'mcp-session-id': 'smuggled',
      authorization: 'Bearer client',
      cookie: 'c=1',
    };
    const links: LinkSecurity[] = [];
    const onLink = (link: LinkSecurity): void => void links.push(link);
    const request = post(undefined, { revision, mcpHeaders, sessionId: 'ignored', onLink });
    const reply = await upstream.exchange(request);
    assert.equal(reply.kind, 'json');
    assert.equal(reply.status, 400);
    assert.deepEqual(links, [{ kind: 'plain', loopback: true }]);
    assert.equal(body, request.frame?.bytes.toString());
    const { url, headers } = seen as unknown as IncomingMessage;
    assert.equal(url, '/mcp?tenant=a');
    const { host, connection, 'content-length': length, ...rest } = headers;
    assert.match(host ?? '', /^127\.0\.0\.1:\d+$/);
    assert.equal(connection, 'keep-alive');
    assert.equal(length, String(body.length));
    assert.deepEqual(
      { ...rest },
      {
        'user-agent': 'postern',
        'accept-encoding': 'identity',
        'content-type': 'application/json',
        accept: 'application/json, text/event-stream',
        authorization: 'Bearer gateway',
        'mcp-method': 'tools/call',
        'mcp-param-region': 'eu',
        'mcp-protocol-version': '2026-07-28',
      },
    );
  },
);

test('the revision header is sent when the client declared one', TIMEOUT, async (t) => {
  const seen: (string | string[] | undefined)[] = [];
  const upstream = await serve(t, (request, response) => {
    seen.push(request.headers['mcp-protocol-version'], request.headers['last-event-id']);
    response.writeHead(202).end();
  });
  const revision = revisionByName('2025-03-26');
  assert.ok(revision);
  await upstream.exchange(bare('GET', { lastEventId: '7' }));
  await upstream.exchange(post(undefined, { revision }));
  assert.deepEqual(seen, [undefined, '7', '2025-03-26', undefined]);
});

test('a stream of events passes byte for byte, whatever the chunks', TIMEOUT, async (t) => {
  const events = [
    'id: 1\r\ndata: \r\n\r\n',
    ': ping\n\n',
    'event: message\nid: 2\ndata: {"jsonrpc":"2.0","method":"notifications/progress"}\n\n',
    'data: {"jsonrpc":"2.0","id":1,"result":{"text":"é"}}\n\n',
  ];
  const upstream = await serve(t, async (_request, response) => {
    response.writeHead(200, SSE_TYPE);
    for (const byte of Buffer.from(events.join(''))) {
      response.write(Buffer.from([byte]));
      await new Promise(setImmediate);
    }
    response.end();
  });
  const got = await drain(await upstream.exchange(post()));
  assert.deepEqual(
    got.map((event) => event.wire.toString()),
    events,
  );
  assert.deepEqual(
    got.map((event) => [event.id, event.message === null]),
    [
      ['1', true],
      [null, true],
      ['2', false],
      [null, false],
    ],
  );
});

test('R-17 no data passes that inspection does not see', TIMEOUT, async (t) => {
  const upstream = await serve(t, (_request, response) => {
    response.writeHead(200, SSE_TYPE);
    response.write('event: evil\ndata: {"jsonrpc":"2.0","id":1,"result":{}}\n\n');
    response.write('Data: {"jsonrpc":"2.0","id":1,"result":{}}\n\n');
    response.write('id: 5\n data: hidden\n\n');
    response.end('unknown: x\rid: 6\rdata: {"jsonrpc":"2.0",\rdata: "id":1,"result":{}}\r\r');
  });
  const got = await drain(await upstream.exchange(post()));
  assert.deepEqual(
    got.map((event) => event.wire.toString()),
    [
      'event: message\nid: 5\ndata: \n\n',
      'event: message\nid: 6\ndata: {"jsonrpc":"2.0",\ndata: "id":1,"result":{}}\n\n',
    ],
  );
});

test('replies without a message are empty', TIMEOUT, async (t) => {
  const upstream = await serve(t, (request, response) => {
    if (request.method === 'GET') response.writeHead(405).end('no');
    else if (request.method === 'DELETE') response.writeHead(200, JSON_TYPE).end('null');
    else response.writeHead(202, JSON_TYPE).end('null');
  });
  const notification = post({ method: 'notifications/initialized' });
  const replies = [
    await upstream.exchange(notification),
    await upstream.exchange(bare('GET')),
    await upstream.exchange(bare('DELETE')),
  ];
  assert.deepEqual(
    replies.map(({ kind, status }) => [kind, status]),
    [
      ['empty', 202],
      ['empty', 405],
      ['empty', 200],
    ],
  );
  assert.equal(upstream.stats().connections, 1);
});

const refusals: [string, string, (response: ServerResponse) => void][] = [
  ['an error page', 'PROTOCOL', (r) => r.writeHead(502, { 'content-type': 'text/html' }).end('x')],
  ['an HTML page', 'PROTOCOL', (r) => r.writeHead(200, { 'content-type': 'text/html' }).end('x')],
  [
    'a type that only contains the right one',
    'PROTOCOL',
    (r) => r.writeHead(200, { 'content-type': 'text/html;x=application/json' }).end(ANSWER),
  ],
  ['a redirect', 'PROTOCOL', (r) => r.writeHead(307, { location: 'http://x/' }).end()],
  [
    'an encoding',
    'PROTOCOL',
    (r) => r.writeHead(200, { ...JSON_TYPE, 'content-encoding': 'gzip' }).end('x'),
  ],
  [
    'two types',
    'PROTOCOL',
    (r) =>
      r
        .writeHead(200, [...Object.entries(JSON_TYPE), ...Object.entries(JSON_TYPE)].flat())
        .end(ANSWER),
  ],
  ['401', 'CREDENTIALS_REFUSED', (r) => r.writeHead(401, { 'www-authenticate': 'Bearer' }).end()],
  ['403', 'CREDENTIALS_REFUSED', (r) => r.writeHead(403, JSON_TYPE).end(ANSWER)],
  [
    'a message over the limit',
    'MESSAGE_TOO_LARGE',
    (r) => r.writeHead(200, JSON_TYPE).end(`"${'x'.repeat(2000)}"`),
  ],
  [
    'an unbounded message',
    'MESSAGE_TOO_LARGE',
    (r) => void r.writeHead(200, JSON_TYPE).write(`"${'x'.repeat(2000)}`),
  ],
  [
    'headers over the limit',
    'PROTOCOL',
    (r) => r.writeHead(200, { ...JSON_TYPE, x: 'x'.repeat(10_000) }).end(ANSWER),
  ],
];

for (const [what, code, answer] of refusals) {
  test(`${what} is refused`, TIMEOUT, async (t) => {
    const limits = { ...DEFAULT_LIMITS, maxMessageBytes: 1024, maxHeaderBytes: 8192 };
    const upstream = await serve(t, (_request, response) => answer(response), { limits });
    await assert.rejects(upstream.exchange(post()), { code: `POSTERN_UPSTREAM_${code}` });
    await until(() => upstream.stats().connections === 0);
  });
}

test('large messages pass whole, as JSON and as an event', TIMEOUT, async (t) => {
  const result = { text: 'x'.repeat(12 * 1024 * 1024) };
  const message = JSON.stringify({ jsonrpc: '2.0', id: 1, result });
  const upstream = await serve(t, (request, response) => {
    const json = request.headers['mcp-method'] === 'json';
    response.writeHead(200, json ? JSON_TYPE : SSE_TYPE);
    response.end(json ? message : `: first\n\ndata: ${message}\n\n`);
  });
  const reply = await upstream.exchange(post(undefined, { mcpHeaders: { 'mcp-method': 'json' } }));
  assert.ok(reply.kind === 'json');
  assert.ok(reply.frame.bytes.equals(Buffer.from(message)));
  const [, event] = await drain(await upstream.exchange(post()));
  assert.ok(event?.message?.equals(Buffer.from(message)));
});

test('an oversized event ends the stream', TIMEOUT, async (t) => {
  const limits = { ...DEFAULT_LIMITS, maxMessageBytes: 1024 };
  const upstream = await serve(
    t,
    (_request, response) => {
      response.writeHead(200, SSE_TYPE).write(`data: {}\n\ndata: ${'x'.repeat(2000)}`);
    },
    { limits },
  );
  const events = eventsOf(await upstream.exchange(post()))[Symbol.asyncIterator]();
  assert.equal((await events.next()).value?.message?.toString(), '{}');
  await assert.rejects(events.next(), { code: 'POSTERN_UPSTREAM_MESSAGE_TOO_LARGE' });
});

const malformed: [string, string, ...string[]][] = [
  ['no HTTP', 'PROTOCOL', 'SSH-2.0-x\r\n\r\n'],
  [
    'length and chunks at once',
    'PROTOCOL',
    head(200, [
      'content-type: application/json',
      'content-length: 2',
      'transfer-encoding: chunked',
    ]),
    '2\r\n{}\r\n0\r\n\r\n',
  ],
  [
    'two lengths',
    'PROTOCOL',
    head(200, ['content-type: application/json', 'content-length: 2', 'content-length: 3']),
    '{}',
  ],
  [
    'a malformed chunk',
    'PROTOCOL',
    head(200, ['content-type: application/json', 'transfer-encoding: chunked']),
    'zz\r\n{}\r\n',
  ],
  ['a bare LF', 'PROTOCOL', 'HTTP/1.1 200 OK\ncontent-type: application/json\n\n{}'],
  [
    'a folded header',
    'PROTOCOL',
    'HTTP/1.1 200 OK\r\ncontent-type: application/json\r\n x: y\r\ncontent-length: 2\r\n\r\n{}',
  ],
  ['a switch of protocols', 'PROTOCOL', head(101, ['upgrade: x', 'connection: upgrade'])],
  [
    'a truncated reply',
    'UNAVAILABLE',
    head(200, ['content-type: application/json', 'content-length: 20']),
    '{}',
  ],
  [
    'a truncated chunk',
    'UNAVAILABLE',
    head(200, ['content-type: application/json', 'transfer-encoding: chunked']),
    '20\r\n{}',
  ],
];

for (const [what, code, ...responses] of malformed) {
  test(`${what} is refused`, TIMEOUT, async (t) => {
    const upstream = await serveRaw(t, ...responses);
    await assert.rejects(upstream.exchange(post()), { code: `POSTERN_UPSTREAM_${code}` });
  });
}

test(
  'a server that dies amid a stream is an error after the events it sent',
  TIMEOUT,
  async (t) => {
    const upstream = await serve(t, (_request, response) => {
      response.writeHead(200, SSE_TYPE).write('data: {}\n\n', () => response.destroy());
    });
    const events = eventsOf(await upstream.exchange(post()))[Symbol.asyncIterator]();
    assert.equal((await events.next()).done, false);
    await assert.rejects(events.next(), { code: 'POSTERN_UPSTREAM_UNAVAILABLE' });
    assert.equal((await events.next()).done, true);
  },
);

test('silence ends a call but not a stream', TIMEOUT, async (t) => {
  const limits = { ...DEFAULT_LIMITS, upstreamIdleTimeoutMs: 200 };
  let stream: ServerResponse | null = null;
  const upstream = await serve(
    t,
    (request, response) => {
      if (request.method === 'GET') stream = response.writeHead(200, SSE_TYPE);
      stream?.flushHeaders();
    },
    { limits },
  );
  const reply = await upstream.exchange(bare('GET'));
  const first = eventsOf(reply)[Symbol.asyncIterator]().next();
  await assert.rejects(upstream.exchange(post()), { code: 'POSTERN_UPSTREAM_TIMEOUT' });
  (stream as unknown as ServerResponse).write('data: {}\n\n');
  assert.equal((await first).done, false);
});

test('a call ends after its longest time though the server keeps talking', TIMEOUT, async (t) => {
  const limits = { ...DEFAULT_LIMITS, callMaxMs: 200 };
  const upstream = await serve(
    t,
    (_request, response) => {
      response.writeHead(200, SSE_TYPE);
      const timer = setInterval(() => response.write(': still here\n\n'), 10);
      response.on('close', () => clearInterval(timer));
    },
    { limits },
  );
  const reply = await upstream.exchange(post());
  await assert.rejects(drain(reply), { code: 'POSTERN_UPSTREAM_TIMEOUT' });
});

test(
  'R-23 a client that goes is seen by the server, before and amid the reply',
  TIMEOUT,
  async (t) => {
    const responses: ServerResponse[] = [];
    const upstream = await serve(t, (request, response) => {
      responses.push(response);
      if (request.method === 'GET') response.writeHead(200, SSE_TYPE).write('data: {}\n\n');
    });
    const waiting = new AbortController();
    const call = upstream.exchange(post(undefined, { signal: waiting.signal }));
    await until(() => responses.length === 1);
    const closed = once(responses[0] as ServerResponse, 'close');
    waiting.abort();
    await assert.rejects(call, { code: 'POSTERN_CALL_CANCELLED' });
    await closed;

    const streaming = new AbortController();
    const reply = await upstream.exchange(bare('GET', { signal: streaming.signal }));
    const events = eventsOf(reply)[Symbol.asyncIterator]();
    await events.next();
    const streamClosed = once(responses[1] as ServerResponse, 'close');
    const next = events.next();
    streaming.abort();
    await assert.rejects(next, { code: 'POSTERN_CALL_CANCELLED' });
    await streamClosed;
  },
);

test('a reader that stops early releases the stream', TIMEOUT, async (t) => {
  let response: ServerResponse | null = null;
  const upstream = await serve(t, (_request, answer) => {
    response = answer.writeHead(200, SSE_TYPE);
    answer.write('data: {}\n\ndata: {}\n\n');
  });
  for await (const event of eventsOf(await upstream.exchange(bare('GET')))) {
    assert.ok(event.message);
    break;
  }
  const { destroyed } = response as unknown as ServerResponse;
  if (!destroyed) await once(response as unknown as ServerResponse, 'close');
  await until(() => upstream.stats().connections === 0);
});

test('a slow reader slows the server down instead of filling memory', TIMEOUT, async (t) => {
  const event = `data: "${'x'.repeat(1000)}"\n\n`;
  const total = 32 * 1024 * 1024;
  let written = 0;
  let blocked = false;
  const upstream = await serve(t, (_request, response) => {
    response.writeHead(200, SSE_TYPE);
    const more = (): void => {
      while (written < total) {
        written += event.length;
        if (!response.write(event)) {
          blocked = true;
          response.once('drain', more);
          return;
        }
      }
      response.end();
    };
    more();
  });
  const events = eventsOf(await upstream.exchange(post()))[Symbol.asyncIterator]();
  await until(() => blocked);
  // What the kernel takes is beyond our control, but it ends; then nothing moves any more.
  let before = -1;
  while (written !== before) {
    before = written;
    await new Promise((resolve) => setTimeout(resolve, 100));
  }
  assert.ok(written < total / 2, `the server got rid of ${written} bytes`);
  let bytes = 0;
  for (let next = await events.next(); next.done !== true; next = await events.next()) {
    bytes += next.value.wire.length;
  }
  assert.equal(bytes, Math.ceil(total / event.length) * event.length);
});

test('a call that was sent is never sent again', TIMEOUT, async (t) => {
  let requests = 0;
  const upstream = await serve(t, (request, response) => {
    requests += 1;
    if (requests === 1) response.writeHead(200, JSON_TYPE).end(ANSWER);
    else request.socket.destroy();
  });
  await upstream.exchange(post());
  await assert.rejects(upstream.exchange(post()), { code: 'POSTERN_UPSTREAM_UNAVAILABLE' });
  assert.equal(requests, 2);
});

test('a connection that the server closed while idle costs no call', TIMEOUT, async (t) => {
  const sockets: Socket[] = [];
  const upstream = await serve(t, (request, response) => {
    sockets.push(request.socket);
    response.writeHead(200, JSON_TYPE).end(ANSWER);
  });
  await upstream.exchange(post());
  const [idle] = sockets;
  assert.ok(idle);
  idle.destroy();
  await once(idle, 'close');
  // The end of the connection is on its way to the gateway, which has not seen it yet.
  assert.equal(upstream.stats().connections, 1);
  const reply = await upstream.exchange(post());
  assert.equal(reply.kind, 'json');
  assert.equal(sockets.length, 2);
});

test('a server that closes every connection is not asked for ever', TIMEOUT, async (t) => {
  let connections = 0;
  const server = createTcpServer((socket) => {
    connections += 1;
    socket.destroy();
  });
  const { upstream } = upstreamFor(t, `http://127.0.0.1:${await listen(t, server)}/`);
  await assert.rejects(upstream.exchange(post()), { code: 'POSTERN_UPSTREAM_UNAVAILABLE' });
  assert.equal(connections, 1);
});

test('a call that is cancelled beforehand is not sent', TIMEOUT, async (t) => {
  const upstream = await serve(t, () => assert.fail('a request arrived'));
  const gone = AbortSignal.abort();
  await assert.rejects(upstream.exchange(post(undefined, { signal: gone })), {
    code: 'POSTERN_CALL_CANCELLED',
  });
});
