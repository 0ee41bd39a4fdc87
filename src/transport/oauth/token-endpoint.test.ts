import assert from 'node:assert/strict';
import { createPublicKey, generateKeyPairSync } from 'node:crypto';
import { test } from 'node:test';
import { jwtVerify } from 'jose';
import type { PosternError } from '#lib';
import type { ClientProof } from '#transport';
import { TokenEndpoint } from '#transport';
import { serveTokens } from '../../../test/support/token-endpoint.ts';
import type { TestTokenEndpoint } from '../../../test/support/token-endpoint.ts';
import type { Grant } from './token-endpoint.ts';

const TIMEOUT = { timeout: 20_000 };
const TOKEN = { access_token: 'abc', token_type: 'Bearer', expires_in: 60 };
const GRANT: Grant = { grant_type: 'client_credentials', scope: 'read write' };
const { signal } = new AbortController();

function secret(text = 's3cr3t: ü&+'): ClientProof & { kind: 'secret'; refusals: number } {
  return {
    kind: 'secret',
    refusals: 0,
    current: () => text,
    refused() {
      this.refusals += 1;
    },
  };
}

function endpointAt(
  { origin, fetch }: TestTokenEndpoint,
  proof: ClientProof = secret(),
): TokenEndpoint {
  const at = { endpoint: new URL('/token', origin) };
  return new TokenEndpoint({ at, clientId: 'postern: 1', proof, fetch });
}

function issuerAt(
  { origin, fetch }: TestTokenEndpoint,
  path = '',
  proof: ClientProof = secret(),
): TokenEndpoint {
  const at = { issuer: `${origin}${path}` };
  return new TokenEndpoint({ at, clientId: 'postern', proof, fetch });
}

test(
  'R-21 a secret goes into a header, encoded so that its colon is its own',
  TIMEOUT,
  async (t) => {
    const service = await serveTokens(t, () => TOKEN);
    const token = await endpointAt(service).ask(GRANT, false, signal);
    assert.equal(token.value, 'abc');
    const [request] = service.requests;
    assert.deepEqual(Object.fromEntries(request?.form ?? []), GRANT);
    const [, basic = ''] = /^Basic (.*)$/.exec(request?.headers.authorization ?? '') ?? [];
    const pair = Buffer.from(basic, 'base64').toString();
    assert.equal(pair, 'postern%3A+1:s3cr3t%3A+%C3%BC%26%2B');
  },
);

test(
  'R-01 a key signs an assertion for the issuer alone, another each time',
  TIMEOUT,
  async (t) => {
    const { privateKey } = generateKeyPairSync('ml-dsa-65');
    const service = await serveTokens(t, ({ path, headers }) => {
      if (path === '/token') return TOKEN;
      const origin = `http://${headers.host}`;
      return { issuer: `${origin}/tenant`, token_endpoint: `${origin}/token` };
    });
    const proof: ClientProof = { kind: 'key', read: async () => privateKey };
    const endpoint = issuerAt(service, '/tenant', proof);
    await endpoint.ask(GRANT, false, signal);
    await endpoint.ask(GRANT, false, signal);
    const paths = service.requests.map(({ path }) => path);
    const metadata = '/.well-known/oauth-authorization-server/tenant';
    assert.deepEqual(paths, [metadata, '/token', '/token'], 'metadata are remembered');
    const ids = new Set<unknown>();
    for (const { form, headers } of service.requests.slice(1)) {
      assert.equal(headers.authorization, undefined);
      assert.equal(
        form.get('client_assertion_type'),
        'urn:ietf:params:oauth:client-assertion-type:jwt-bearer',
      );
      const { payload } = await jwtVerify(
        form.get('client_assertion') ?? '',
        createPublicKey(privateKey),
        {
          audience: `${service.origin}/tenant`,
          issuer: 'postern',
          subject: 'postern',
          maxTokenAge: 60,
        },
      );
      assert.equal((payload.exp ?? 0) - (payload.iat ?? 0), 60);
      ids.add(payload.jti);
    }
    assert.equal(ids.size, 2);
  },
);

test(
  'metadata: OpenID Connect where there is no other, and what they say of secrets and certificates',
  TIMEOUT,
  async (t) => {
    const service = await serveTokens(t, ({ path, headers }) => {
      if (path.startsWith('/.well-known/oauth')) return { status: 404 };
      const origin = `http://${headers.host}`;
      if (!path.includes('openid')) return TOKEN;
      return {
        issuer: `${origin}/a`,
        token_endpoint: `${origin}/token`,
        mtls_endpoint_aliases: { token_endpoint: `${origin}/mtls` },
        token_endpoint_auth_methods_supported: ['client_secret_post', 'private_key_jwt'],
      };
    });
    await issuerAt(service, '/a').ask(GRANT, false, signal);
    const certificate = issuerAt(service, '/a', { kind: 'certificate' });
    await certificate.ask(GRANT, false, signal);
    const asked = service.requests.map(({ path, form }) => [
      path,
      form.get('client_id'),
      form.get('client_secret'),
    ]);
    const metadata = [
      ['/.well-known/oauth-authorization-server/a', null, null],
      ['/a/.well-known/openid-configuration', null, null],
    ];
    assert.deepEqual(asked, [
      ...metadata,
      ['/token', 'postern', 's3cr3t: ü&+'],
      ...metadata,
      ['/mtls', 'postern', null],
    ]);
  },
);

test('R-24 an issuer sends nobody’s secret elsewhere', TIMEOUT, async (t) => {
  const other = await serveTokens(t, () => TOKEN);
  let metadata: object = {};
  const service = await serveTokens(t, () => metadata);
  const { origin } = service;
  const refused: readonly (readonly [object, string])[] = [
    [{ issuer: 'https://login.example', token_endpoint: `${origin}/token` }, 'TOKEN_UNAVAILABLE'],
    [{ issuer: `${origin}/`, token_endpoint: `${origin}/token` }, 'TOKEN_UNAVAILABLE'],
    [{ issuer: origin }, 'TOKEN_UNAVAILABLE'],
    [{ issuer: origin, token_endpoint: `${other.origin}/token` }, 'TOKEN_UNAVAILABLE'],
    [{ issuer: origin, token_endpoint: 'http://login.example/token' }, 'TOKEN_UNAVAILABLE'],
    [{ issuer: origin, token_endpoint: 'https://u:p@login.example/token' }, 'TOKEN_UNAVAILABLE'],
    [{ issuer: origin, token_endpoint: 'https://169.254.169.254/token' }, 'ADDRESS_REFUSED'],
    [{ issuer: origin, token_endpoint: 'https://localhost:1/token' }, 'ADDRESS_REFUSED'],
  ];
  for (const [document, code] of refused) {
    metadata = document;
    await assert.rejects(issuerAt(service).ask(GRANT, false, signal), {
      code: `POSTERN_UPSTREAM_${code}`,
    });
  }
  assert.deepEqual(other.requests, []);
  assert.ok(service.requests.every(({ path }) => path !== '/token'));
});

test('R-08 hostile answers give no token, and nothing of them is quoted', TIMEOUT, async (t) => {
  const { requests: _, ...elsewhere } = await serveTokens(t, () => TOKEN);
  const json = { 'content-type': 'application/json' };
  const answers: readonly (readonly [Parameters<typeof serveTokens>[1], string])[] = [
    [() => ({ ...TOKEN, access_token: 's3cr3t\r\nset-cookie: a' }), 'TOKEN_UNAVAILABLE'],
    [() => ({ ...TOKEN, token_type: 'mac' }), 'TOKEN_UNAVAILABLE'],
    [() => ({ ...TOKEN, expires_in: -1 }), 'TOKEN_UNAVAILABLE'],
    [() => ({ status: 201, ...TOKEN }), 'TOKEN_UNAVAILABLE'],
    [() => ({ status: 500, error: 's3cr3t' }), 'TOKEN_UNAVAILABLE'],
    [(_request, out) => void out.writeHead(200, json).write(' '), 'TOKEN_UNAVAILABLE'],
    [
      (_request, out) => void out.writeHead(200, json).end(Buffer.alloc(300_000, ' ')),
      'TOKEN_UNAVAILABLE',
    ],
    [
      (_request, out) => void out.writeHead(200, { 'content-type': 'text/html' }).end('s3cr3t'),
      'TOKEN_UNAVAILABLE',
    ],
    [
      (_request, out) =>
        void out.writeHead(200, json).end('{"access_token":"s3cr3t","access_token":"b"}'),
      'TOKEN_UNAVAILABLE',
    ],
    [
      (_request, out) => void out.writeHead(307, { location: `${elsewhere.origin}/token` }).end(),
      'TOKEN_UNAVAILABLE',
    ],
    [(_request, out) => void out.destroy(), 'TOKEN_UNAVAILABLE'],
    [
      () => ({ status: 400, error: 'invalid_client', error_description: 's3cr3t' }),
      'TOKEN_REFUSED',
    ],
    [() => ({ status: 401, error: 's3cr3t: \u001b[2J' }), 'TOKEN_REFUSED'],
    [() => ({ status: 400, error: ['x'] }), 'TOKEN_REFUSED'],
  ];
  const proof = secret();
  for (const [answer, code] of answers) {
    const service = await serveTokens(t, answer);
    await assert.rejects(
      endpointAt(service, proof).ask(GRANT, false, signal),
      (error: PosternError) => {
        assert.equal(error.code, `POSTERN_UPSTREAM_${code}`);
        assert.doesNotMatch(error.message, /s3cr3t|\p{Cc}/u);
        return true;
      },
    );
  }
  assert.equal(proof.refusals, 1, 'a secret that is refused is looked for again');
});

test('a key of another kind signs nothing', TIMEOUT, async (t) => {
  const service = await serveTokens(t, () => TOKEN);
  const { privateKey } = generateKeyPairSync('rsa', { modulusLength: 2048 });
  const endpoint = endpointAt(service, { kind: 'key', read: async () => privateKey });
  await assert.rejects(endpoint.ask(GRANT, false, signal), { message: /of a kind/ });
  assert.deepEqual(service.requests, []);
});
