import assert from 'node:assert/strict';
import type { IncomingMessage, ServerResponse } from 'node:http';
import { createServer } from 'node:http';
import type { TestContext } from 'node:test';
import { test } from 'node:test';
import { ANSWER, bare, listen, post, upstreamFor } from '../../../test/support/http-upstream.ts';
import type { HttpUpstream } from './upstream.ts';

const TIMEOUT = { timeout: 20_000 };
const HEADERS = { Authorization: 'Bearer s3cr3t' };

interface Seen {
  readonly line: string;
  readonly body: string;
  readonly credentials: string | undefined;
}

interface Fixture {
  readonly upstream: HttpUpstream;
  readonly port: number;
  /** What the server got, since this was asked last. */
  readonly seen: () => readonly string[];
  readonly told: () => readonly string[];
}

type Answer = (response: ServerResponse, request: IncomingMessage) => unknown;

/** A server whose paths answer as they are told; others answer the call. */
async function serve(t: TestContext, answers: Readonly<Record<string, Answer>>): Promise<Fixture> {
  let seen: Seen[] = [];
  const server = createServer((request, response) => {
    let body = '';
    request.on('data', (chunk: Buffer) => (body += chunk.toString()));
    request.on('end', () => {
      const { method, url = '', headers } = request;
      seen.push({ line: `${method} ${url}`, body, credentials: headers.authorization });
      const known = answers[url];
      if (known !== undefined) known(response, request);
      else response.writeHead(200, { 'content-type': 'application/json' }).end(ANSWER);
    });
  });
  const port = await listen(t, server);
  const url = `http://localhost:${port}/mcp`;
  const { upstream, events } = upstreamFor(t, url, { headers: HEADERS });
  return {
    upstream,
    port,
    seen: () => {
      const lines = seen.map(({ line }) => line);
      for (const { line, body, credentials } of seen) {
        assert.equal(credentials, HEADERS.Authorization);
        assert.equal(body !== '', line.startsWith('POST'), 'the message goes along');
      }
      seen = [];
      return lines;
    },
    told: () =>
      events.flatMap(({ name, message }) => (name === 'upstream.redirected' ? [message] : [])),
  };
}

function to(location: string, status = 307): Answer {
  return (response) => response.writeHead(status, { location }).end('moved');
}

test(
  'R-10 a redirect within the server’s origin is followed, and remembered for a while',
  TIMEOUT,
  async (t) => {
    for (const [location, status] of [
      ['/mcp/', 307],
      ['/mcp/?a=b', 308],
    ] as const) {
      const { upstream, seen, told } = await serve(t, { '/mcp': to(location, status) });
      assert.equal((await upstream.exchange(post())).status, 200);
      assert.deepEqual(seen(), ['POST /mcp', `POST ${location}`]);
      await upstream.exchange(post());
      await upstream.exchange(bare('DELETE'));
      assert.deepEqual(seen(), [`POST ${location}`, `DELETE ${location}`]);
      assert.equal(told().length, 1);
      assert.match(
        told()[0] ?? '',
        /test redirects to http:\/\/localhost:\d+\/mcp\/: with that URL/,
      );
    }
  },
);

test('what is remembered ends when the server knows the path no more', TIMEOUT, async (t) => {
  let isThere = true;
  const { upstream, seen } = await serve(t, {
    '/mcp': (response, request) =>
      isThere
        ? to('/new', 308)(response, request)
        : response.writeHead(200, { 'content-type': 'application/json' }).end(ANSWER),
    '/new': (response) => response.writeHead(isThere ? 202 : 404).end(),
  });
  assert.equal((await upstream.exchange(post())).status, 202);
  isThere = false;
  assert.equal((await upstream.exchange(post())).status, 404);
  assert.equal((await upstream.exchange(post())).status, 200);
  assert.deepEqual(seen(), ['POST /mcp', 'POST /new', 'POST /new', 'POST /mcp']);
});

test('two redirects are followed, and no circle', TIMEOUT, async (t) => {
  const { upstream, seen } = await serve(t, { '/mcp': to('/a'), '/a': to('b'), '/b': to('./mcp') });
  await assert.rejects(upstream.exchange(post()), { code: 'POSTERN_UPSTREAM_PROTOCOL' });
  assert.deepEqual(seen(), ['POST /mcp', 'POST /a', 'POST /b']);
  const fine = await serve(t, { '/mcp': to('/a'), '/a': to('b') });
  await fine.upstream.exchange(post());
  await fine.upstream.exchange(post());
  assert.deepEqual(fine.seen(), ['POST /mcp', 'POST /a', 'POST /b', 'POST /b']);
});

test(
  'R-24 a redirect to another origin, or of another kind, is refused and named without secrets',
  TIMEOUT,
  async (t) => {
    const refused: readonly (readonly [(port: number) => string, number, RegExp])[] = [
      [() => 'https://evil.example/mcp/?token=s3cr3t#x', 307, /to https:\/\/evil\.example\/mcp\/,/],
      [(port) => `https://localhost:${port}/mcp`, 308, /to https:\/\/localhost:\d+\/mcp,/],
      [
        (port) => `http://u:s3cr3t@localhost:${port}/mcp/`,
        308,
        /to http:\/\/localhost:\d+\/mcp\/,/,
      ],
      [(port) => `http://127.0.0.1:${port}/mcp/`, 307, /to http:\/\/127\.0\.0\.1/],
      [(port) => `//evil.example:${port}/`, 307, /evil\.example/],
      [() => '\\\\evil.example\\mcp', 307, /evil\.example/],
      [() => 'javascript:alert(1)', 307, /javascript:/],
      [() => `/${'x'.repeat(4000)}`, 302, /x…,/],
      [() => '/mcp/', 301, /\/mcp\/,/],
      [() => '/mcp/', 303, /\/mcp\/,/],
      [() => 'http://[', 307, /to nowhere,/],
    ];
    let next: Answer = to('/');
    const { upstream, port, seen } = await serve(t, { '/mcp': (...given) => next(...given) });
    for (const [location, status, message] of refused) {
      next = to(location(port), status);
      await assert.rejects(upstream.exchange(post()), (error: Error & { code?: string }) => {
        assert.equal(error.code, 'POSTERN_UPSTREAM_PROTOCOL');
        assert.match(error.message, message);
        assert.doesNotMatch(error.message, /s3cr3t/);
        assert.ok(error.message.length < 300);
        return true;
      });
    }
    assert.deepEqual(new Set(seen()), new Set(['POST /mcp']));
  },
);
