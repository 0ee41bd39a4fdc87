/** Servers that want access tokens, which the gateway gets at a real authorization server. */
import assert from 'node:assert/strict';
import { generateKeyPairSync } from 'node:crypto';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { stringify } from 'yaml';
import { startStatefulHttp } from '../fixtures/stateful-http.ts';
import { runPostern } from '../support/cli.ts';
import { callerNamed } from '../support/identified.ts';
import { startTestPostern } from '../support/postern.ts';
import { request, send } from '../support/raw.ts';
import { serveTokens } from '../support/token-endpoint.ts';
import type { TokenFacts } from '../support/token-service.ts';
import { startTokenService } from '../support/token-service.ts';
import { until } from '../support/until.ts';

const TIMEOUT = { timeout: 60_000 };
const SECRET = 'a secret: with & and +';
const JWT = /eyJ[\w-]+\.[\w-]+\.[\w-]+/;

test(
  'R-21 R-24 a server is called with tokens for it alone, however the gateway proves itself',
  TIMEOUT,
  async (t) => {
    const directory = await mkdtemp(join(tmpdir(), 'postern-tokens-'));
    t.after(() => rm(directory, { recursive: true }));
    const at = (name: string): string => join(directory, name);
    const { privateKey, publicKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' });
    const service = await startTokenService(t, [
      { id: 'with secret', proof: { secret: SECRET } },
      { id: 'with-key', proof: { key: publicKey.export({ format: 'jwk' }) } },
    ]);
    await writeFile(at('ca.pem'), service.ca);
    await writeFile(at('secret'), `${SECRET}\n`);
    await writeFile(at('key.pem'), privateKey.export({ type: 'pkcs8', format: 'pem' }));
    const seen: TokenFacts[] = [];
    let resource = '';
    const mcp = await startStatefulHttp({
      admits: async ({ authorization }) => {
        const facts = await service.verify(authorization, resource);
        if (facts !== null) seen.push(facts);
        return facts !== null;
      },
    });
    t.after(() => mcp.close());
    resource = mcp.url;
    let isOut = true;
    const late = await serveTokens(t, () =>
      isOut ? { status: 503 } : { access_token: 'late', token_type: 'Bearer' },
    );
    const common = { issuer: service.issuer, scope: 'read', tls: { ca: at('ca.pem') } };
    const remote = (authorization: object) => ({ http: { url: mcp.url, authorization } });
    const servers = {
      secret: remote({
        ...common,
        client_id: 'with secret',
        client_secret: { file: at('secret') },
      }),
      key: remote({ ...common, client_id: 'with-key', client_key: at('key.pem') }),
      wrong: remote({ ...common, client_id: 'with-key', client_secret: 'wrong' }),
      other: remote({
        ...common,
        client_id: 'with secret',
        client_secret: SECRET,
        resource: 'https://other.example',
      }),
      callers: remote({
        ...common,
        client_id: 'with secret',
        client_secret: SECRET,
        exchange_from: ['https://login.example'],
      }),
      late: remote({ token_endpoint: `${late.origin}/token`, client_id: 'a', client_secret: 'b' }),
    };
    const postern = await startTestPostern({ servers });
    t.after(() => postern.stop());
    const caller = await callerNamed(postern, null);
    t.after(() => caller.close());
    const codeOf = async (server: string): Promise<unknown> => {
      const { message } = await send(caller.fetch, postern.url(server), request(1, 'ping'), {
        authorization: 'Bearer of-the-client',
      });
      return (message?.['error'] as { data?: { code?: unknown } } | undefined)?.data?.code;
    };

    for (const [server, client] of [
      ['secret', 'with secret'],
      ['key', 'with-key'],
    ] as const) {
      const peer = await caller.connect(server);
      assert.match(JSON.stringify(await peer.call('echo', { text: 'hello' })), /"hello"/);
      await peer.close();
      assert.deepEqual(
        new Set(seen.splice(0).map((facts) => JSON.stringify(facts))),
        new Set([JSON.stringify({ client, scope: 'read' })]),
      );
    }
    assert.equal(await codeOf('wrong'), 'POSTERN_UPSTREAM_TOKEN_REFUSED');
    assert.equal(await codeOf('other'), 'POSTERN_UPSTREAM_CREDENTIALS_REFUSED');
    assert.equal(await codeOf('callers'), 'POSTERN_CALLER_TOKEN_REQUIRED');
    assert.equal(await codeOf('late'), 'POSTERN_UPSTREAM_TOKEN_UNAVAILABLE');
    await postern.logged(
      ({ event, fields }) =>
        event === 'token.unavailable' && JSON.stringify(fields).includes('"late"'),
    );
    isOut = false;
    await until(
      'tokens are issued again',
      async () => (await codeOf('late')) === 'POSTERN_UPSTREAM_CREDENTIALS_REFUSED',
    );

    const written = JSON.stringify([postern.log(), await postern.record()]);
    assert.doesNotMatch(written, JWT);
    assert.ok(!written.includes(SECRET) && !written.includes('of-the-client'));

    const config = at('postern.yaml');
    await writeFile(at('policy.yaml'), 'rules: [{ effect: allow }]');
    await writeFile(config, stringify({ version: 1, policy: 'policy.yaml', servers }));
    const checked = ['secret', 'wrong', 'callers'].flatMap((name) => ['--server', name]);
    const { code, stdout } = await runPostern('check', '--config', config, '--connect', ...checked);
    assert.notEqual(code, 0);
    assert.match(
      stdout,
      /✓ token for secret: https:\/\/localhost:\d+ gives the gateway a token for \d+ s/,
    );
    assert.match(stdout, /✗ token for wrong: the token endpoint answers 401: invalid_client/);
    assert.match(stdout, /✓ token for callers: each caller’s token is to be exchanged/);
    assert.doesNotMatch(stdout, JWT);
  },
);
