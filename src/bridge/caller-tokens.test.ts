/** A bridge before a server that is asked in the name of callers: also what the bridge asks by itself. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { CallersOnly, CallerTokens, SubjectToken, TokenEndpoint } from '#transport';
import type { Upstream } from '#transport';
import { startStatefulHttp } from '../../test/fixtures/stateful-http.ts';
import { upstreamFor } from '../../test/support/http-upstream.ts';
import { serveTokens } from '../../test/support/token-endpoint.ts';
import { bridgeTo, exchangeOf, resultOf, toolCall } from './fixtures/servers.ts';
import { STATELESS } from './meta.ts';

const TIMEOUT = { timeout: 20_000 };
const ISSUER = 'https://login.example';

test('R-13 R-23 a bridge asks in the name of the caller for whom it asks', TIMEOUT, async (t) => {
  const shown = new Set<string | undefined>();
  const mcp = await startStatefulHttp({
    admits: async ({ authorization }) => {
      shown.add(authorization);
      return authorization?.startsWith('Bearer for-') === true;
    },
  });
  t.after(() => mcp.close());
  const { origin, fetch } = await serveTokens(t, ({ form }) => ({
    access_token: `for-${form.get('subject_token')}`,
    token_type: 'Bearer',
    issued_token_type: 'urn:ietf:params:oauth:token-type:access_token',
  }));
  const at = { endpoint: new URL('/token', origin) };
  const endpoint = new TokenEndpoint({ at, clientId: 'a', proof: { kind: 'certificate' }, fetch });
  const limits = { maxExchangedTokens: 10 };
  const tokens = new CallerTokens({ endpoint, wanted: {}, issuers: [ISSUER], limits });
  const { upstream } = upstreamFor(t, mcp.url, { authorization: tokens });
  const server: Upstream = new CallersOnly(bridgeTo(upstream, {}, 'stateful'), tokens);
  t.after(async () => {
    await server.close();
    await tokens.close();
  });

  const call = async (principal: string, token: string | null): Promise<unknown> => {
    const facts = { issuer: ISSUER, expiresAtMs: Date.now() + 60_000 };
    const subjectToken = token === null ? null : new SubjectToken(token, facts);
    const frame = toolCall(1, { name: 'echo', arguments: { text: principal } });
    const request = exchangeOf(frame, STATELESS, { principal, subjectToken });
    return (await resultOf(await server.exchange(request)))['content'];
  };
  assert.deepEqual(await call('alice', 'a'), [{ type: 'text', text: 'alice' }]);
  assert.deepEqual(shown, new Set(['Bearer for-a']), 'the session was opened with it, too');
  shown.clear();
  assert.deepEqual(await call('bob', 'b'), [{ type: 'text', text: 'bob' }]);
  assert.deepEqual(shown, new Set(['Bearer for-b']));
  shown.clear();
  await assert.rejects(call('bob', null), { code: 'POSTERN_CALLER_TOKEN_REQUIRED' });
  assert.equal(shown.size, 0);
});
