import type { KeyObject } from 'node:crypto';
import { randomUUID } from 'node:crypto';
import { signToken } from '#crypto';
import { UpstreamTokenUnavailable } from '../errors.ts';

/** How the gateway proves to a token endpoint that it is the client. */
export type ClientProof =
  /** RFC 6749, section 2.3.1 */
  | { readonly kind: 'secret'; readonly current: () => string; readonly refused: () => void }
  /** RFC 7523, section 2.2; read for each proof, so that a new key counts at once. */
  | { readonly kind: 'key'; readonly read: () => Promise<KeyObject> }
  /** RFC 8705, section 2: the link itself proves it. */
  | { readonly kind: 'certificate' };

/** To whom, and how, a proof is given. */
export interface ProofPlan {
  readonly clientId: string;
  /** For whom an assertion is: the issuer, or the endpoint where no issuer is known. */
  readonly audience: string;
  /** A secret goes into the form rather than into a header. */
  readonly secretInForm: boolean;
}

/** What a request has to carry. */
export interface ProvenParts {
  readonly form: Readonly<Record<string, string>>;
  readonly headers: Readonly<Record<string, string>>;
}

/** From the making of an assertion to its last use; clocks differ. */
const ASSERTION_LIFE_S = 60;

const ASSERTION_TYPE = 'urn:ietf:params:oauth:client-assertion-type:jwt-bearer';

/** @throws UpstreamCredentialUnavailable, UpstreamTokenUnavailable when there is nothing to prove it with. */
export async function proveClient(
  proof: ClientProof,
  { clientId, audience, secretInForm }: ProofPlan,
): Promise<ProvenParts> {
  const named = { client_id: clientId };
  if (proof.kind === 'certificate') return { form: named, headers: {} };
  if (proof.kind === 'key') {
    const assertion = assertionOf(await proof.read(), clientId, audience);
    return {
      form: { ...named, client_assertion_type: ASSERTION_TYPE, client_assertion: assertion },
      headers: {},
    };
  }
  const secret = proof.current();
  if (secretInForm) return { form: { ...named, client_secret: secret }, headers: {} };
  const pair = `${formEncoded(clientId)}:${formEncoded(secret)}`;
  return { form: {}, headers: { authorization: `Basic ${Buffer.from(pair).toString('base64')}` } };
}

function assertionOf(key: KeyObject, clientId: string, audience: string): string {
  const now = Math.floor(Date.now() / 1000);
  const claims = { iss: clientId, sub: clientId, aud: audience, jti: randomUUID() };
  const times = { iat: now, exp: now + ASSERTION_LIFE_S };
  const token = signToken(key, { typ: 'JWT' }, { ...claims, ...times });
  if (token !== null) return token;
  throw new UpstreamTokenUnavailable(
    'the client key is of a kind with which no assertion is signed',
    {
      hint: 'Use a key for ML-DSA-65, ML-DSA-87, Ed25519, P-256 or P-384.',
    },
  );
}

/** RFC 6749, appendix B. */
function formEncoded(text: string): string {
  return new URLSearchParams({ '': text }).toString().slice(1);
}
