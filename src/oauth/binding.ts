import { timingSafeEqual } from 'node:crypto';
import type { Credential } from './authorization-header.ts';
import { TokenUnbound } from './errors.ts';
import type { Presented } from './model.ts';
import type { Proof } from './proof.ts';
import { verifyProof } from './proof.ts';
import type { KnownToken } from './verified-tokens.ts';

/** What a proof is held against, besides the request. */
interface Now {
  readonly tokenHash: string;
  readonly nowMs: number;
  readonly leewayMs: number;
}

/**
 * Makes sure that a token comes from whom it is bound to, and is bound if its issuer's has to be.
 *
 * A token that is bound to a key is refused as a bearer token, or the one who stole it would leave the
 * proof out (RFC 9449 §7.2); one that is not is refused under `DPoP`, whose client takes it for bound.
 *
 * @returns the proof, `null` when the token needs none.
 * @throws TokenUnbound, or ProofInvalid.
 */
export function checkBinding(
  { claims, issuer, proofHeader }: KnownToken,
  scheme: Credential['scheme'],
  presented: Presented,
  now: Now,
): Proof | null {
  const { keyThumbprint, certificateThumbprint } = claims;
  const isBound = {
    none: true,
    any: keyThumbprint !== null || certificateThumbprint !== null,
    dpop: keyThumbprint !== null,
    certificate: certificateThumbprint !== null,
  }[issuer.binding];
  if (!isBound) throw new TokenUnbound('the access token is not bound to its sender as it must be');
  if (certificateThumbprint !== null) {
    checkCertificate(certificateThumbprint, presented.certificateThumbprint);
  }
  if (keyThumbprint === null) {
    if (scheme === 'bearer') return null;
    throw new TokenUnbound('the access token is bound to no key, and comes with the DPoP scheme');
  }
  if (scheme === 'bearer') {
    throw new TokenUnbound('the access token is bound to a key, and comes with the Bearer scheme');
  }
  const { httpMethod, url } = presented;
  return verifyProof(presented.dpop, { httpMethod, url, keyThumbprint, ...now }, proofHeader);
}

/** RFC 8705 §3. */
function checkCertificate(expected: string, shown: string | null): void {
  if (shown === null) {
    throw new TokenUnbound('the access token is bound to a certificate, and none was shown');
  }
  if (!isEqual(Buffer.from(shown), Buffer.from(expected))) {
    throw new TokenUnbound('the access token is bound to another certificate');
  }
}

function isEqual(left: Buffer, right: Buffer): boolean {
  return left.length === right.length && timingSafeEqual(left, right);
}
