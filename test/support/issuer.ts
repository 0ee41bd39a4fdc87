/** A small authorization server for tests: it publishes keys, and signs whatever a test wants. */
import type { KeyObject } from 'node:crypto';
import { constants, generateKeyPairSync, randomUUID, sign } from 'node:crypto';
import { createServer } from 'node:https';
import type { TestContext } from 'node:test';
import type { Credential } from './certificates.ts';
import { createAuthority } from './certificates.ts';
import { listen } from './http-upstream.ts';

/** What a test issuer signs with. */
export type SigningAlgorithm = 'ES256' | 'ML-DSA-65' | 'RS256';

/** A running issuer. */
export interface TestIssuer {
  /** Its identifier. */
  readonly issuer: string;
  /** PEM of the authority of its certificate. */
  readonly ca: string;
  /** How often its keys were fetched. */
  readonly fetches: number;
  /** Whether it answers at all. */
  up: boolean;
  /** What its metadata says besides `issuer` and `jwks_uri`, or instead. */
  metadata: Readonly<Record<string, unknown>>;
  /** Signs a token for five minutes; claims that are `undefined` are left out. */
  token(claims: Readonly<Record<string, unknown>>): string;
  /** Publishes another key in place of the one before, with which it signs from now on. */
  rotate(algorithm?: SigningAlgorithm): void;
}

/** Starts an issuer that ends with the test. */
export async function startTestIssuer(
  t: TestContext,
  algorithm: SigningAlgorithm = 'ES256',
): Promise<TestIssuer> {
  const authority = await createAuthority('P-256');
  const credential = await authority.issue({ kind: 'P-256' });
  let key = newKey(algorithm);
  let fetches = 0;
  const server = createServer(serverOptions(credential), (request, response) => {
    if (!issuer.up) {
      response.writeHead(503).end();
      return;
    }
    const isKeys = request.url === '/jwks';
    if (isKeys) fetches += 1;
    const metadata = { issuer: issuer.issuer, jwks_uri: `${issuer.issuer}/jwks` };
    response.setHeader('content-type', 'application/json');
    response.end(
      JSON.stringify(isKeys ? { keys: [key.jwk] } : { ...metadata, ...issuer.metadata }),
    );
  });
  const port = await listen(t, server);
  const issuer: TestIssuer = {
    issuer: `https://127.0.0.1:${port}`,
    ca: authority.certPem,
    up: true,
    metadata: {},
    get fetches() {
      return fetches;
    },
    token: (claims) => signedToken({ ...usualClaims(issuer.issuer), ...claims }, key),
    rotate: (next = algorithm) => {
      key = newKey(next);
    },
  };
  return issuer;
}

interface Key {
  readonly algorithm: SigningAlgorithm;
  readonly kid: string;
  readonly privateKey: KeyObject;
  readonly jwk: object;
}

function serverOptions({ certPem, keyPem }: Credential) {
  return { cert: certPem, key: keyPem, ecdhCurve: 'X25519MLKEM768' };
}

function newKey(algorithm: SigningAlgorithm): Key {
  const { publicKey, privateKey } = pairFor(algorithm);
  const kid = randomUUID();
  const jwk = { ...publicKey.export({ format: 'jwk' }), kid, use: 'sig', alg: algorithm };
  return { algorithm, kid, privateKey, jwk };
}

function pairFor(algorithm: SigningAlgorithm) {
  switch (algorithm) {
    case 'ES256':
      return generateKeyPairSync('ec', { namedCurve: 'P-256' });
    case 'ML-DSA-65':
      return generateKeyPairSync('ml-dsa-65');
    case 'RS256':
      return generateKeyPairSync('rsa', { modulusLength: 2048 });
  }
}

function usualClaims(issuer: string) {
  const now = Math.floor(Date.now() / 1000);
  return { iss: issuer, iat: now, exp: now + 300, jti: randomUUID(), client_id: 'agent' };
}

function signedToken(claims: object, { algorithm, kid, privateKey }: Key): string {
  const header = { alg: algorithm, typ: 'at+jwt', kid };
  const input = [header, claims]
    .map((part) => Buffer.from(JSON.stringify(part)).toString('base64url'))
    .join('.');
  const options =
    algorithm === 'RS256'
      ? { padding: constants.RSA_PKCS1_PADDING }
      : { dsaEncoding: 'ieee-p1363' as const };
  const hash = algorithm === 'ML-DSA-65' ? null : 'sha256';
  const key = algorithm === 'ML-DSA-65' ? privateKey : { key: privateKey, ...options };
  return `${input}.${sign(hash, Buffer.from(input), key).toString('base64url')}`;
}
