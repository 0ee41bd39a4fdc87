import { IdentityMissing } from '../errors.ts';
import { loadIdentity } from '../load-identity.ts';
import type { StoredIdentity } from '../load-identity.ts';
import { openStateDir } from '../state-dir.ts';
import { provingScheme } from './algorithms.ts';
import { certificatesIn } from '../pem.ts';
import { isIssuedBy } from '../issued-by.ts';
import { fingerprintOf } from './read-certs.ts';
import type { WantedToken } from './tokens.ts';
import { Tokens } from './tokens.ts';

/** A token for one client, and what it needs to know the gateway by. */
export interface NewToken {
  /** 64 hex digits; stored nowhere. */
  readonly token: string;
  /** Milliseconds since the epoch. */
  readonly expiresMs: number;
  /** SHA-256 of the root that the client is to pin, 64 lower-case hex digits. */
  readonly caFingerprint: string;
}

/**
 * Makes a one-time token with which one client can ask the gateways of this state directory for its
 * first certificate.
 *
 * @throws ClientNameInvalid, TokenLifetimeInvalid, TooManyTokens, IdentityMissing, or what loading
 *   the identity throws.
 */
export async function createToken(stateDir: string, wanted: WantedToken): Promise<NewToken> {
  const nowMs = Date.now();
  const directory = await openStateDir(stateDir);
  const identity = await loadIdentity(directory, nowMs);
  if (identity === null) throw new IdentityMissing(`${directory} holds no identity`);
  const token = await new Tokens(directory).create(wanted);
  const caFingerprint = rootFingerprint(identity, wanted);
  return { token, expiresMs: nowMs + wanted.lifetimeMs, caFingerprint };
}

/** Of the root above the certificate that the gateway shows to a client that enrols. */
function rootFingerprint(
  { chains, caPem }: Pick<StoredIdentity, 'chains' | 'caPem'>,
  { algorithm }: WantedToken,
): string {
  const shown = provingScheme(algorithm);
  const issuing = chains.find(({ spec }) => spec.leaf === shown)?.issuing.certificate;
  const root = certificatesIn(caPem).find(
    (each) => issuing !== undefined && isIssuedBy(issuing, each),
  );
  if (root === undefined) throw new Error(`no root is above ${shown.name} certificates`);
  return fingerprintOf(root);
}
