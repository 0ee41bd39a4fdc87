/** Servers on HTTP+SSE that break off, go elsewhere, say too much or nothing. */
import assert from 'node:assert/strict';
import type { ServerResponse } from 'node:http';
import { test } from 'node:test';
import type { Limits } from '#lib';
import { bare, post, until } from '../../../test/support/http-upstream.ts';
import type { Json, Script } from './fixtures/legacy-server.ts';
import { call, initialize, legacy, openSession, openStream } from './fixtures/legacy-server.ts';

const TIMEOUT = { timeout: 20_000 };

const unavailable = 'POSTERN_UPSTREAM_UNAVAILABLE';
const protocol = 'POSTERN_UPSTREAM_PROTOCOL';

const status =
  (code: number, headers: Record<string, string> = {}) =>
  (response: ServerResponse): void =>
    void response.writeHead(code, headers).end('<p>no</p>');

const events = (...chunks: string[]): NonNullable<Script['onGet']> => {
  return (response) => {
    response.writeHead(200, { 'content-type': 'text/event-stream' });
    for (const chunk of chunks) response.write(chunk);
  };
};

interface Failure {
  readonly what: string;
  readonly onGet: NonNullable<Script['onGet']>;
  readonly code: string;
  readonly message: RegExp;
  readonly limits?: Partial<Limits>;
}

const openings: readonly Failure[] = [
  {
    what: 'names an endpoint on another origin',
    onGet: events('event: endpoint\ndata: https://evil.example/messages\n\n'),
    code: protocol,
    message: /evil\.example/,
  },
  {
    what: 'names an empty endpoint',
    onGet: events('event: endpoint\n\n'),
    code: protocol,
    message: /0 characters/,
  },
  {
    what: 'names no endpoint',
    onGet: events(': welcome\n\n', 'event: ping\ndata: {}\n\n'),
    code: 'POSTERN_UPSTREAM_TIMEOUT',
    message: /no endpoint/,
    limits: { upstreamIdleTimeoutMs: 200 },
  },
  {
    what: 'does not answer the GET',
    onGet: () => undefined,
    code: 'POSTERN_UPSTREAM_TIMEOUT',
    message: /no endpoint/,
    limits: { upstreamIdleTimeoutMs: 200 },
  },
  {
    what: 'never comes to the end of its endpoint',
    onGet(response) {
      events('event: endpoint\ndata: /')(response, response.req);
      const go = (): void => {
        while (response.write('a'.repeat(1000)));
      };
      response.on('drain', go);
      go();
    },
    code: 'POSTERN_UPSTREAM_MESSAGE_TOO_LARGE',
    message: /more than/,
    limits: { maxMessageBytes: 32 * 1024 },
  },
  {
    what: 'ends its stream before it names an endpoint',
    onGet: (response) =>
      void response.writeHead(200, { 'content-type': 'text/event-stream' }).end(),
    code: unavailable,
    message: /ended the event stream/,
  },
  {
    what: 'closes the connection',
    onGet: (response) => response.destroy(),
    code: unavailable,
    message: /before it answered/,
  },
  {
    what: 'redirects',
    onGet: status(307, { location: '/elsewhere' }),
    code: protocol,
    message: /redirects/,
  },
  { what: 'has no such page', onGet: status(404), code: protocol, message: /404/ },
  {
    what: 'answers with a page',
    onGet: status(200, { 'content-type': 'text/html' }),
    code: protocol,
    message: /200 and text\/html, not with events/,
  },
  { what: 'is broken', onGet: status(503), code: unavailable, message: /503/ },
  {
    what: 'wants other credentials',
    onGet: status(401),
    code: 'POSTERN_UPSTREAM_CREDENTIALS_REFUSED',
    message: /credentials/,
  },
];

for (const { what, onGet, code, message, limits = {} } of openings) {
  test(`R-23 a server that ${what} fails initialize and leaves nothing`, TIMEOUT, async (t) => {
    const server = await legacy(t, { onGet }, limits);
    await assert.rejects(initialize(server), { code, message });
    assert.equal(server.upstream.stats().sessions, 0);
    await until(() => server.streams().length === 0);
    assert.deepEqual(server.heard, []);
  });
}

/** A session whose calls are answered like this; everything else as usual. */
async function callAnswered(
  t: Parameters<typeof legacy>[0],
  onCall: NonNullable<Script['onPost']>,
  limits: Partial<Limits> = {},
) {
  const onPost: Script['onPost'] = (message, response, stream, usual) => {
    const first = message['method'] === 'tools/call' && message['id'] === 1;
    if (first) onCall(message, response, stream, usual);
    else usual();
  };
  const server = await legacy(t, { onPost }, limits);
  const session = await openSession(server);
  const send = (message: Json) => server.upstream.exchange(post(message, session));
  return { server, session, send };
}

const refusals = [
  ['refuses it with 400', status(400), protocol, /refuses the message with 400/],
  ['redirects it', status(308, { location: 'https://evil.example/' }), protocol, /redirects/],
  ['breaks over it', status(500), unavailable, /500/],
  ['wants other credentials', status(401), 'POSTERN_UPSTREAM_CREDENTIALS_REFUSED', /credentials/],
  ['closes the connection', (response: ServerResponse) => response.destroy(), unavailable, /ended/],
  [
    'answers with a long text',
    (response: ServerResponse) => void response.writeHead(200).end('x'.repeat(100_000)),
    protocol,
    /long text/,
  ],
] as const;

for (const [what, refuse, code, message] of refusals) {
  test(`R-23 a server that at a POST ${what} fails that call alone`, TIMEOUT, async (t) => {
    const { send } = await callAnswered(t, (_message, response) => refuse(response));
    await assert.rejects(send(call(1)), { code, message });
    assert.equal((await send(call(2))).kind, 'json');
  });
}

test(
  'R-23 the id of a message that the server may have got is not used again',
  TIMEOUT,
  async (t) => {
    const { send } = await callAnswered(t, (_message, response) => response.destroy());
    await assert.rejects(send(call(1)), { code: unavailable });
    await assert.rejects(send(call(1)), { code: 'POSTERN_REQUEST_ID_IN_USE' });
  },
);

test('R-23 a server that has forgotten the session ends it', TIMEOUT, async (t) => {
  const { server, send } = await callAnswered(t, (_message, response) => status(404)(response));
  const gone = { code: 'POSTERN_SESSION_NOT_FOUND', httpStatus: 404 };
  await assert.rejects(send(call(1)), gone);
  await assert.rejects(send(call(2)), gone);
  await until(() => server.streams().length === 0);
});

test('R-23 a POST that is never acknowledged holds up nothing else', TIMEOUT, async (t) => {
  const { server, send } = await callAnswered(t, (_message, _response, stream) => {
    stream.say({ id: 1, result: { early: true } });
  });
  const reply = await send(call(1));
  assert.ok(reply.kind === 'json');
  assert.equal((await send(call(2))).kind, 'json');
  // The id is free again, whatever comes of the first POST.
  assert.equal(server.upstream.stats().sessions, 1);
});

test(
  'R-23 a cut stream fails what is pending, clearly, and ends the session',
  TIMEOUT,
  async (t) => {
    const { server, session, send } = await callAnswered(t, (_message, response, stream) => {
      response.writeHead(202).end();
      const params = { progressToken: 'p', progress: 1 };
      stream.say({ method: 'notifications/progress', params });
      stream.response.write('data: {"jsonrpc":"2.0","id":1,', () => stream.response.destroy());
    });
    const own = await server.upstream.exchange(bare('GET', session));
    const reply = await send(call(1, { progressToken: 'p' }));
    assert.ok(reply.kind === 'events' && own.kind === 'events');
    const messages = reply.events[Symbol.asyncIterator]();
    assert.match((await messages.next()).value?.message?.toString() ?? '', /progress/);
    await assert.rejects(messages.next(), { code: unavailable, message: /amid its reply/ });
    const waiting = await own.events[Symbol.asyncIterator]().next();
    assert.equal(waiting.done, true);
    await assert.rejects(send(call(2)), { code: 'POSTERN_SESSION_NOT_FOUND' });
    assert.ok(server.events.some(({ name }) => name === 'upstream.ended'));
  },
);

test('R-23 an event that is too large ends the session', TIMEOUT, async (t) => {
  const onCall: Script['onPost'] = (_message, _response, stream) => {
    stream.say({ id: 1, result: { filler: 'x'.repeat(100_000) } });
  };
  const { server, send } = await callAnswered(t, onCall, { maxMessageBytes: 64 * 1024 });
  await assert.rejects(send(call(1)), { code: 'POSTERN_UPSTREAM_MESSAGE_TOO_LARGE' });
  assert.equal(server.upstream.stats().sessions, 0);
});

test('R-23 messages that nobody can read or waits for are passed over', TIMEOUT, async (t) => {
  const { server, send } = await callAnswered(t, (_message, _response, stream, usual) => {
    stream.say({ id: 'unknown', result: {} });
    stream.response.write('data: <p>hello</p>\n\ndata: [{"jsonrpc":"2.0"}]\n\n');
    usual();
  });
  assert.equal((await send(call(1))).kind, 'json');
  const names = new Set(server.events.map(({ name }) => name));
  assert.ok(names.has('upstream.bad_event') && names.has('upstream.message_dropped'));
});

test('R-23 an answer that can be read in two ways fails its call', TIMEOUT, async (t) => {
  const { send } = await callAnswered(t, (_message, response, stream) => {
    response.writeHead(202).end();
    stream.response.write('data: {"jsonrpc":"2.0","id":1,"result":{},"result":{}}\n\n');
  });
  await assert.rejects(send(call(1)), { code: protocol });
  assert.equal((await send(call(2))).kind, 'json');
});

test('R-23 a server that says nothing but noise is given up', TIMEOUT, async (t) => {
  const { send } = await callAnswered(t, (_message, response, stream) => {
    response.writeHead(202).end();
    for (let n = 0; n < 200; n += 1) stream.response.write(`data: noise ${n}\n\n`);
  });
  await assert.rejects(send(call(1)), { code: protocol, message: /in a row/ });
});

test('R-23 a silent server fails a call in time and is told', TIMEOUT, async (t) => {
  const onCall: Script['onPost'] = (_message, response) => void response.writeHead(202).end();
  const { server, send } = await callAnswered(t, onCall, { upstreamIdleTimeoutMs: 1000 });
  await assert.rejects(send(call(1)), { code: 'POSTERN_UPSTREAM_TIMEOUT' });
  await until(() => server.heard.some((text) => text.includes('notifications/cancelled')));
  assert.equal((await send(call(2))).kind, 'json');
});

test('R-23 the streams of the server are bounded for all and for each', TIMEOUT, async (t) => {
  const server = await legacy(t, {}, { maxUpstreamStreams: 2 });
  await openSession(server);
  await openSession(server);
  await assert.rejects(initialize(server), {
    code: 'POSTERN_UPSTREAM_OVERLOADED',
    details: { limit: 'max_upstream_streams', max: 2 },
  });
});

test('R-23 without a server there is a clear failure each time', TIMEOUT, async (t) => {
  const server = await legacy(
    t,
    { onGet: (response) => openStream(response, '/m') },
    {},
    {
      urls: [new URL('http://127.0.0.1:1/sse')],
    },
  );
  for (let attempt = 0; attempt < 2; attempt += 1) {
    await assert.rejects(initialize(server), { code: unavailable, message: /nothing listens/ });
  }
});
