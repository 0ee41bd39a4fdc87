import assert from 'node:assert/strict';
import { createServer } from 'node:http';
import type { TestContext } from 'node:test';
import { test } from 'node:test';
import type { Authorization } from '#transport';
import { ANSWER, bare, listen, post, upstreamFor } from '../../../test/support/http-upstream.ts';
import type { HttpUpstream } from './upstream.ts';

const TIMEOUT = { timeout: 20_000 };
const REFUSED = { code: 'POSTERN_UPSTREAM_CREDENTIALS_REFUSED' };

interface Fixture {
  readonly upstream: HttpUpstream;
  /** Requests as the server got them: token and body. */
  readonly seen: readonly string[];
  readonly connections: () => number;
}

/** A server that answers with this status to any token but those, behind tokens from this source. */
async function serve(
  t: TestContext,
  admitted: readonly string[],
  authorization: Pick<Authorization, 'tokenFor' | 'replace'>,
  status = 401,
): Promise<Fixture> {
  const seen: string[] = [];
  let connections = 0;
  const server = createServer((request, response) => {
    let body = '';
    request.on('data', (chunk: Buffer) => (body += chunk.toString()));
    request.on('end', () => {
      const { authorization: shown = 'none' } = request.headers;
      seen.push(`${shown} ${body}`);
      const fits = admitted.includes(shown);
      response.writeHead(fits ? 200 : status, { 'content-type': 'application/json' });
      response.end(fits ? ANSWER : '');
    });
  });
  server.on('connection', () => (connections += 1));
  const port = await listen(t, server);
  const whole = { probe: async () => '', close: async () => undefined, ...authorization };
  const { upstream } = upstreamFor(t, `http://127.0.0.1:${port}/mcp`, { authorization: whole });
  return { upstream, seen, connections: () => connections };
}

function token(value: string) {
  return { value, gotAtMs: 0, expiresAtMs: Infinity };
}

const PING = { id: 1, method: 'ping' };
const BODY = '{"jsonrpc":"2.0","id":1,"method":"ping"}';

test(
  'R-21 a call that the server refuses with 401 is sent once more, with another token',
  TIMEOUT,
  async (t) => {
    const old = token('old');
    const replaced: string[] = [];
    const { upstream, seen } = await serve(t, ['Bearer new'], {
      tokenFor: () => old,
      replace: async (_asking, refused) => {
        replaced.push(refused.value);
        return token('new');
      },
    });
    assert.equal((await upstream.exchange(post(PING))).status, 200);
    assert.deepEqual(seen, [`Bearer old ${BODY}`, `Bearer new ${BODY}`]);
    assert.deepEqual(replaced, ['old']);
  },
);

test(
  'R-21 it is sent no third time, not at all without another token, and never for 403',
  TIMEOUT,
  async (t) => {
    const twice = await serve(t, [], {
      tokenFor: () => token('a'),
      replace: async () => token('b'),
    });
    await assert.rejects(twice.upstream.exchange(post(PING)), REFUSED);
    assert.equal(twice.seen.length, 2);
    const once = await serve(t, [], { tokenFor: () => token('a'), replace: async () => null });
    await assert.rejects(once.upstream.exchange(post(PING)), REFUSED);
    assert.equal(once.seen.length, 1);
    const forbidden = await serve(
      t,
      [],
      { tokenFor: () => token('a'), replace: () => assert.fail('another token is of no use') },
      403,
    );
    await assert.rejects(forbidden.upstream.exchange(post(PING)), REFUSED);
  },
);

test(
  'R-13 each exchange has its own caller’s token, whatever connection carries it',
  TIMEOUT,
  async (t) => {
    const { upstream, seen, connections } = await serve(t, ['Bearer alice', 'Bearer bob'], {
      tokenFor: async ({ principal }) => token(principal),
      replace: async () => null,
    });
    const bodies = ['', BODY];
    for (const principal of ['alice', 'bob', 'alice']) {
      await upstream.exchange(post(PING, { principal }));
      await upstream.exchange(bare('DELETE', { principal }));
    }
    const expected = ['alice', 'bob', 'alice'].flatMap((name) =>
      bodies.toReversed().map((body) => `Bearer ${name} ${body}`),
    );
    assert.deepEqual(seen, expected);
    assert.equal(connections(), 1);
  },
);

test('R-10 without a token nothing is sent', TIMEOUT, async (t) => {
  const { upstream, seen, connections } = await serve(t, [], {
    tokenFor: () => Promise.reject(new Error('out of order')),
    replace: async () => null,
  });
  await assert.rejects(upstream.exchange(post(PING)), /out of order/);
  assert.deepEqual([seen.length, connections()], [0, 0]);
});
