import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { TestContext } from 'node:test';
import { CallerTokens, SubjectToken, TokenEndpoint } from '#transport';
import type { TokenRequest } from '../../../test/support/token-endpoint.ts';
import { serveTokens } from '../../../test/support/token-endpoint.ts';
import { until } from '../../../test/support/until.ts';

const TIMEOUT = { timeout: 20_000 };
const ISSUER = 'https://login.example';
const ACCESS = 'urn:ietf:params:oauth:token-type:access_token';
const REQUIRED = { code: 'POSTERN_CALLER_TOKEN_REQUIRED' };
const { signal } = new AbortController();

interface Fixture {
  readonly tokens: CallerTokens;
  readonly requests: readonly TokenRequest[];
  /** The token with which this principal's exchange is made. */
  readonly tokenOf: (principal: string, subjectToken: SubjectToken | null) => Promise<string>;
}

/** Exchanges `a` for `for-a`; nobody answers for `slow`. */
async function fixture(t: TestContext, maxExchangedTokens = 100): Promise<Fixture> {
  const { origin, fetch, requests } = await serveTokens(t, ({ form }) => {
    const shown = form.get('subject_token');
    if (shown === 'slow') return undefined;
    if (shown === 'refused') return { status: 400, error: 'invalid_grant' };
    const token = { access_token: `for-${shown}`, token_type: 'Bearer', expires_in: 3600 };
    return { ...token, issued_token_type: ACCESS };
  });
  const endpoint = new TokenEndpoint({
    at: { endpoint: new URL('/token', origin) },
    clientId: 'postern',
    proof: { kind: 'certificate' },
    fetch,
  });
  const wanted = { resource: 'https://notes.example/mcp' };
  const limits = { maxExchangedTokens };
  const tokens = new CallerTokens({ endpoint, wanted, issuers: [ISSUER], limits });
  t.after(() => tokens.close());
  const tokenOf: Fixture['tokenOf'] = async (principal, subjectToken) =>
    (await tokens.tokenFor({ principal, subjectToken, signal })).value;
  return { tokens, requests, tokenOf };
}

function subject(value: string, facts: { issuer?: string; lifeMs?: number } = {}): SubjectToken {
  const { issuer = ISSUER, lifeMs = 600_000 } = facts;
  return new SubjectToken(value, { issuer, expiresAtMs: Date.now() + lifeMs });
}

test(
  'R-13 a caller’s token goes to the token endpoint, and what is issued is the caller’s alone',
  TIMEOUT,
  async (t) => {
    const { tokens, requests, tokenOf } = await fixture(t);
    const [a, b] = [subject('a'), subject('b')];
    const both = ['alice', 'bob'].flatMap((name) => [
      tokenOf(name, name === 'alice' ? a : b),
      tokenOf(name, name === 'alice' ? a : b),
    ]);
    assert.deepEqual(await Promise.all(both), ['for-a', 'for-a', 'for-b', 'for-b']);
    assert.deepEqual(
      requests.map(({ form }) => Object.fromEntries(form)),
      ['a', 'b'].map((token) => ({
        grant_type: 'urn:ietf:params:oauth:grant-type:token-exchange',
        subject_token_type: ACCESS,
        requested_token_type: ACCESS,
        resource: 'https://notes.example/mcp',
        subject_token: token,
        client_id: 'postern',
      })),
    );
    // The same token in another principal's hands is asked for by itself.
    await tokenOf('mallory', a);
    assert.equal(requests.length, 3);
    await assert.rejects(tokenOf('mallory', subject('refused')), {
      code: 'POSTERN_UPSTREAM_TOKEN_REFUSED',
      message: /invalid_grant/,
    });
    assert.equal(JSON.stringify(tokens), '{}');
  },
);

test('R-13 who comes without a token that can be exchanged is denied', TIMEOUT, async (t) => {
  const { tokens, requests, tokenOf } = await fixture(t);
  const refused = [
    null,
    subject('a', { issuer: 'https://evil.example' }),
    subject('a', { lifeMs: 0 }),
  ];
  for (const subjectToken of refused) {
    assert.throws(() => tokens.admit({ principal: 'alice', subjectToken }), REQUIRED);
    await assert.rejects(tokenOf('alice', subjectToken), REQUIRED);
  }
  assert.deepEqual(requests, []);
});

test(
  'what the gateway does in a principal’s name goes with the token that this one came with last',
  TIMEOUT,
  async (t) => {
    const { tokens, tokenOf } = await fixture(t);
    await assert.rejects(tokenOf('alice', null), REQUIRED);
    tokens.admit({ principal: 'alice', subjectToken: subject('a') });
    assert.equal(await tokenOf('alice', null), 'for-a');
    tokens.admit({ principal: 'alice', subjectToken: subject('a2') });
    assert.equal(await tokenOf('alice', null), 'for-a2');
    await assert.rejects(tokenOf('bob', null), REQUIRED);
  },
);

test('R-10 only so many are kept; the one unused for longest goes', TIMEOUT, async (t) => {
  const { requests, tokenOf } = await fixture(t, 2);
  const [a, b, c] = [subject('a'), subject('b'), subject('c')];
  await tokenOf('alice', a);
  await tokenOf('bob', b);
  await tokenOf('alice', a);
  await tokenOf('carol', c);
  assert.equal(requests.length, 3);
  await tokenOf('alice', a);
  assert.equal(requests.length, 3);
  await assert.rejects(tokenOf('bob', null), REQUIRED);
  await tokenOf('bob', b);
  assert.equal(requests.length, 4);
});

test(
  'R-10 all callers at once are many for a token endpoint: they take turns',
  TIMEOUT,
  async (t) => {
    const { requests, tokenOf } = await fixture(t);
    const slow = Array.from({ length: 32 }, (_, index) =>
      tokenOf(`slow ${index}`, subject('slow')),
    );
    const quick = tokenOf('alice', subject('a'));
    await until('they have asked', () => requests.length === 32);
    const settled = await Promise.allSettled(slow);
    assert.ok(settled.every(({ status }) => status === 'rejected'));
    assert.equal(await quick, 'for-a');
    assert.equal(requests.at(-1)?.form.get('subject_token'), 'a');
  },
);

test('R-13 what is issued ends with the token that was shown', TIMEOUT, async (t) => {
  const { tokens } = await fixture(t);
  const subjectToken = subject('a', { lifeMs: 60_000 });
  const token = await tokens.tokenFor({ principal: 'alice', subjectToken, signal });
  assert.equal(token.expiresAtMs, subjectToken.expiresAtMs);
});

test('a caller who leaves waits no more, and closing ends what is asked', TIMEOUT, async (t) => {
  const { tokens, requests } = await fixture(t);
  const leaving = new AbortController();
  const asking = { principal: 'alice', subjectToken: subject('slow') };
  const one = Promise.resolve(tokens.tokenFor({ ...asking, signal: leaving.signal }));
  const other = Promise.resolve(tokens.tokenFor({ ...asking, signal }));
  other.catch(() => undefined);
  await until('it is asked', () => requests.length === 1);
  leaving.abort();
  await assert.rejects(one, { code: 'POSTERN_CALL_CANCELLED' });
  await tokens.close();
  await assert.rejects(other, { code: 'POSTERN_CALL_CANCELLED' });
});
