/** A real authorization server, `oidc-provider`, whose tokens are for MCP servers. */
import { generateKeyPairSync } from 'node:crypto';
import type { KeyObject } from 'node:crypto';
import { createServer } from 'node:https';
import type { TestContext } from 'node:test';
import type { JWK } from 'jose';
import { jwtVerify } from 'jose';
import type { Context } from 'oidc-provider';
import OidcProvider from 'oidc-provider';
import { createAuthority } from './certificates.ts';
import { listen } from './http-upstream.ts';

/** A client of the service. */
export interface ServiceClient {
  readonly id: string;
  /** Its secret, or the public key that its assertions are verified with. */
  readonly proof: { readonly secret: string } | { readonly key: JWK };
}

/** What a verified token says. */
export interface TokenFacts {
  readonly client: unknown;
  readonly scope: unknown;
}

/** The running service. */
export interface TokenService {
  readonly issuer: string;
  /** PEM of the authority of its certificate. */
  readonly ca: string;
  /** What a token of the service for this resource says; `null` for any other text. */
  readonly verify: (
    authorization: string | undefined,
    resource: string,
  ) => Promise<TokenFacts | null>;
}

/** Starts one that ends with the test. */
export async function startTokenService(
  t: TestContext,
  clients: readonly ServiceClient[],
): Promise<TokenService> {
  const authority = await createAuthority();
  const { certPem: cert, keyPem: key } = await authority.issue();
  const server = createServer({ cert, key });
  const issuer = `https://localhost:${await listen(t, server)}`;
  const { privateKey, publicKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' });
  server.on('request', new OidcProvider(issuer, configuration(clients, privateKey)).callback());
  const verify: TokenService['verify'] = async (authorization, audience) => {
    const [, token = ''] = /^Bearer (\S+)$/.exec(authorization ?? '') ?? [];
    try {
      const { payload } = await jwtVerify(token, publicKey, { issuer, audience, typ: 'at+jwt' });
      return { client: payload['client_id'], scope: payload['scope'] };
    } catch {
      return null;
    }
  };
  return { issuer, ca: authority.certPem, verify };
}

function configuration(clients: readonly ServiceClient[], signingKey: KeyObject): object {
  const jwk = signingKey.export({ format: 'jwk' });
  return {
    clients: clients.map(clientMetadata),
    jwks: { keys: [{ ...jwk, use: 'sig', alg: 'ES256', kid: 'one' }] },
    scopes: ['read', 'write'],
    ttl: { ClientCredentials: 600 },
    features: {
      devInteractions: { enabled: false },
      clientCredentials: { enabled: true },
      resourceIndicators: {
        enabled: true,
        getResourceServerInfo: (_: Context, resource: string) => ({
          audience: resource,
          scope: 'read write',
          accessTokenFormat: 'jwt',
          jwt: { sign: { alg: 'ES256' } },
        }),
      },
    },
  };
}

function clientMetadata({ id, proof }: ServiceClient): object {
  const proven =
    'secret' in proof
      ? { client_secret: proof.secret }
      : { token_endpoint_auth_method: 'private_key_jwt', jwks: { keys: [proof.key] } };
  return {
    client_id: id,
    grant_types: ['client_credentials'],
    redirect_uris: [],
    response_types: [],
    id_token_signed_response_alg: 'ES256',
    scope: 'read write',
    ...proven,
  };
}
