/** Official clients that find out by themselves how to get a token, and a real authorization server. */
import assert from 'node:assert/strict';
import { hash, randomUUID } from 'node:crypto';
import { test } from 'node:test';
import { ClientCredentialsProvider } from '@modelcontextprotocol/sdk/client/auth-extensions.js';
import { StreamableHTTPClientTransport } from '@modelcontextprotocol/sdk/client/streamableHttp.js';
import { exportJWK, generateKeyPair, SignJWT } from 'jose';
import { issueClient } from '#identity';
import { startAuthorizationServer } from '../support/authorization-server.ts';
import { pqFetch } from '../support/clients.ts';
import { connectV1 } from '../support/peer.ts';
import { startTestPostern, temporaryFile } from '../support/postern.ts';
import { request, send } from '../support/raw.ts';
import { EVERYTHING } from '../support/transports.ts';

test('R-13 R-23 official clients get tokens from a real authorization server and use them', async (t) => {
  const { issuer, ca } = await startAuthorizationServer(t, [
    { id: 'agent' },
    { id: 'proving', boundTo: 'dpop' },
    { id: 'holding', boundTo: 'certificate' },
  ]);
  const tls = { ca: await temporaryFile(t, ca) };
  const postern = await startTestPostern({
    servers: { everything: { stdio: EVERYTHING } },
    listeners: [
      {
        name: 'main',
        address: '127.0.0.1:0',
        authorization: { scopes_supported: ['read'], issuers: [{ name: 'as', issuer, tls }] },
      },
    ],
    policy: {
      rules: [
        { effect: 'allow', principals: ['as:*'], scopes: ['read'], tools: ['echo'] },
        { effect: 'allow', principals: ['as:*'], scopes: ['write'], tools: ['get-sum'] },
      ],
    },
  });
  const trusting = { ca: `${postern.ca}${ca}` };
  const link = pqFetch(trusting);
  const { keyPem, chainPem } = await issueClient(postern.stateDir, 'robot');
  const holder = pqFetch(trusting, { key: keyPem, cert: chainPem });
  t.after(async () => {
    await Promise.all([link.close(), holder.close()]);
    await postern.stop();
  });
  const url = postern.url('everything');

  await t.test('the official client discovers everything from the first refusal', async () => {
    for (const endpoint of [url, `${postern.endpoint}/mcp`]) {
      const authProvider = new ClientCredentialsProvider({
        clientId: 'agent',
        clientSecret: 'agent',
        expectedIssuer: issuer,
        // Of programs the client asks for these alone, whatever it is told.
        scope: 'read',
      });
      const options = { authProvider, fetch: link.fetch };
      const peer = await connectV1(new StreamableHTTPClientTransport(new URL(endpoint), options));
      const { tools } = await peer.listTools();
      assert.match(tools[0]?.name ?? '', /echo$/);
      assert.equal(tools.length, 1, 'what its scopes do not open is not there');
      await peer.close();
    }
    const named = (await postern.record()).map(({ client }) => client.principal);
    assert.ok(named.includes('as:agent'));
  });

  const tokenOf = async (
    id: string,
    through: typeof fetch,
    headers: Record<string, string> = {},
  ): Promise<string> => {
    const basic = Buffer.from(`${id}:${id}`).toString('base64');
    const form = { grant_type: 'client_credentials', scope: 'read', resource: url };
    const response = await through(`${issuer}/token`, {
      method: 'POST',
      headers: {
        authorization: `Basic ${basic}`,
        'content-type': 'application/x-www-form-urlencoded',
        ...headers,
      },
      body: new URLSearchParams(form).toString(),
    });
    const answer = (await response.json()) as { access_token?: string };
    return answer.access_token ?? assert.fail(`no token: ${JSON.stringify(answer)}`);
  };
  const call = request(1, 'tools/call', { name: 'echo', arguments: { message: 'hi' } });

  await t.test('a token that is bound to a key serves its holder alone', async () => {
    const key = await generateKeyPair('ES256');
    const dpop = await proofOf(key, { htu: `${issuer}/token` });
    const token = await tokenOf('proving', link.fetch, { dpop });
    const ath = hash('sha256', token, 'base64url');
    const proof = async (by = key) => ({ dpop: await proofOf(by, { htu: url, ath }) });
    const scheme = { authorization: `DPoP ${token}` };
    const statusOf = async (headers: Record<string, string>): Promise<number> =>
      (await send(link.fetch, url, call, headers)).status;
    assert.notEqual(await statusOf({ ...scheme, ...(await proof()) }), 401);
    assert.equal(
      await statusOf({ ...scheme, ...(await proof(await generateKeyPair('ES256'))) }),
      401,
    );
    assert.equal(await statusOf({ authorization: `Bearer ${token}` }), 401);
  });

  await t.test('a token that is bound to a certificate serves its connection alone', async () => {
    const authorization = `Bearer ${await tokenOf('holding', holder.fetch)}`;
    const over = async (through: typeof fetch): Promise<number> =>
      (await send(through, url, call, { authorization })).status;
    assert.notEqual(await over(holder.fetch), 401);
    assert.equal(await over(link.fetch), 401);
  });
});

type KeyPair = Awaited<ReturnType<typeof generateKeyPair>>;

/** A proof of a client that is not ours (RFC 9449 §4.2). */
async function proofOf({ publicKey, privateKey }: KeyPair, claims: object): Promise<string> {
  const jwk = await exportJWK(publicKey);
  return new SignJWT({ jti: randomUUID(), htm: 'POST', ...claims })
    .setProtectedHeader({ typ: 'dpop+jwt', alg: 'ES256', jwk })
    .setIssuedAt()
    .sign(privateKey);
}
