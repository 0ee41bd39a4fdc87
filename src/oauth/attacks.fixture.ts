/** Attacks on access tokens and their proofs, for the verifier and for a listener that uses it. */
import type { AttackRequest, AttackRow } from './fixtures/attack.ts';
import { dpop } from './fixtures/attack.ts';
import { CLAIM_ATTACKS } from './fixtures/claim-attacks.ts';
import { FORM_ATTACKS } from './fixtures/form-attacks.ts';
import { SENDER_ATTACKS } from './fixtures/sender-attacks.ts';
import { SIGNATURE_ATTACKS } from './fixtures/signature-attacks.ts';
import type { World } from './fixtures/world.ts';

export {
  KEY_ALGORITHMS,
  keySetOf,
  newSigner,
  publicJwk,
  thumbprintOf,
  World,
} from './fixtures/world.ts';
export type { Place, Signer } from './fixtures/world.ts';

/** One request that has to be refused. */
export interface Attack {
  readonly name: string;
  /** The failure's code, `POSTERN_…`. */
  readonly code: string;
  readonly httpStatus: number;
  /** `error` of the challenge, `null` when that has none. */
  readonly challenge: string | null;
  /** The requests, in order: the last one has to be refused, those before have to pass. */
  readonly build: (world: World) => readonly AttackRequest[];
}

const CHALLENGES: Readonly<Record<string, string | null>> = {
  TOKEN_MISSING: null,
  AUTHORIZATION_MALFORMED: 'invalid_request',
  PROOF_INVALID: 'invalid_dpop_proof',
};

function attack(area: string, [name, refusal, build]: AttackRow): Attack {
  return {
    name: `${area}: ${name}`,
    code: `POSTERN_${refusal}`,
    httpStatus: refusal === 'AUTHORIZATION_MALFORMED' ? 400 : 401,
    challenge: refusal in CHALLENGES ? (CHALLENGES[refusal] ?? null) : 'invalid_token',
    build: (world) => [build(world)],
  };
}

const REPLAYS: readonly Attack[] = [
  replay('a proof that was used before', (w) => {
    const token = w.boundToken();
    const request = dpop(token, w.proof(token));
    return [request, request];
  }),
  replay('another proof with the same jti', (w) => {
    const token = w.boundToken();
    const jti = 'the same';
    return [dpop(token, w.proof(token, { jti })), dpop(token, w.proof(token, { jti, x: 1 }))];
  }),
  replay('the same proof with the other signature', (w) => {
    const token = w.boundToken();
    const proof = w.proof(token);
    return [dpop(token, proof), dpop(token, withOtherSignature(proof))];
  }),
  replay('the same jti for another token of the same key', (w) => {
    const tokens = [w.boundToken(), w.boundToken()] as const;
    const jti = 'of one key';
    return tokens.map((token) => dpop(token, w.proof(token, { jti })));
  }),
];

/** Every attack; the order does not matter. */
export const ATTACKS: readonly Attack[] = [
  ...FORM_ATTACKS.map((row) => attack('form', row)),
  ...SIGNATURE_ATTACKS.map((row) => attack('signature', row)),
  ...CLAIM_ATTACKS.map((row) => attack('claims', row)),
  ...SENDER_ATTACKS.map((row) => attack('sender', row)),
  ...REPLAYS,
];

function replay(name: string, build: Attack['build']): Attack {
  const row: AttackRow = [name, 'PROOF_INVALID', () => ({})];
  return { ...attack('replay', row), build };
}

/** ECDSA on P-256: with s, the order less s verifies as well. */
function withOtherSignature(proof: string): string {
  const [header, payload, signature = ''] = proof.split('.');
  const bytes = Buffer.from(signature, 'base64url').toString('hex');
  const order = 0xffffffff00000000ffffffffffffffffbce6faada7179e84f3b9cac2fc632551n;
  const other = (order - BigInt(`0x${bytes.slice(64)}`)).toString(16).padStart(64, '0');
  const made = Buffer.from(bytes.slice(0, 64) + other, 'hex').toString('base64url');
  return `${header}.${payload}.${made}`;
}
