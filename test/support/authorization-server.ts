/** A real authorization server, `oidc-provider`, that issues tokens to programs. */
import { generateKeyPairSync } from 'node:crypto';
import { createServer } from 'node:https';
import type { TestContext } from 'node:test';
import type { TLSSocket } from 'node:tls';
import type { Context } from 'oidc-provider';
import OidcProvider from 'oidc-provider';
import { createAuthority } from './certificates.ts';
import { listen } from './http-upstream.ts';

/** A running authorization server. */
export interface AuthorizationServer {
  readonly issuer: string;
  /** PEM of the authority of its certificate. */
  readonly ca: string;
}

/** Clients that may ask for tokens in their own name; the secret of each is its id. */
export interface OwnClient {
  readonly id: string;
  readonly boundTo?: 'dpop' | 'certificate';
}

/** Starts one that ends with the test. */
export async function startAuthorizationServer(
  t: TestContext,
  clients: readonly OwnClient[],
): Promise<AuthorizationServer> {
  const authority = await createAuthority('P-256');
  const { certPem: cert, keyPem: key } = await authority.issue({ kind: 'P-256' });
  const tls = { cert, key, ecdhCurve: 'X25519MLKEM768', requestCert: true };
  const server = createServer({ ...tls, rejectUnauthorized: false });
  const port = await listen(t, server);
  const issuer = `https://127.0.0.1:${port}`;
  const provider = new OidcProvider(issuer, {
    clients: clients.map(clientMetadata),
    jwks: { keys: [signingKey()] },
    scopes: ['read', 'write'],
    features: {
      devInteractions: { enabled: false },
      clientCredentials: { enabled: true },
      dPoP: { enabled: true },
      mTLS: {
        enabled: true,
        certificateBoundAccessTokens: true,
        getCertificate: ({ req }: Context) =>
          (req.socket as TLSSocket).getPeerX509Certificate()?.toString(),
      },
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
  });
  server.on('request', provider.callback());
  return { issuer, ca: authority.certPem };
}

function clientMetadata({ id, boundTo }: OwnClient): object {
  return {
    client_id: id,
    client_secret: id,
    grant_types: ['client_credentials'],
    redirect_uris: [],
    response_types: [],
    id_token_signed_response_alg: 'ES256',
    scope: 'read write',
    dpop_bound_access_tokens: boundTo === 'dpop',
    tls_client_certificate_bound_access_tokens: boundTo === 'certificate',
  };
}

function signingKey(): object {
  const { privateKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' });
  return { ...privateKey.export({ format: 'jwk' }), use: 'sig', alg: 'ES256', kid: 'one' };
}
