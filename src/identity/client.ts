import { chainPemOf } from './authorities.ts';
import { parseClientName } from './client-name.ts';
import { ClientLifetimeInvalid, IdentityMissing } from './errors.ts';
import { issueCertificate } from './issue.ts';
import { generateKeys, privatePem } from './keys.ts';
import { CLIENT_DAYS, daysMs, MAX_CLIENT_DAYS, validity } from './lifetimes.ts';
import type { StoredChain } from './load-identity.ts';
import { loadIdentity } from './load-identity.ts';
import { enterIssued } from './revocation/ledger.ts';
import { formatSpiffeId } from './spiffe.ts';
import { openStateDir } from './state-dir.ts';

/** With what a client proves its identity. */
export type ClientAlgorithm = 'ML-DSA-65' | 'ML-DSA-87' | 'ECDSA-P256';

/** How to issue a client certificate. */
interface ClientOptions {
  /** ML-DSA-65 unless the client's TLS library lacks it. */
  readonly algorithm?: ClientAlgorithm;
  /** Lifetime in whole days, 90 unless given. */
  readonly days?: number;
}

/** A new client identity. The private key exists nowhere else. */
export interface IssuedClient {
  readonly name: string;
  readonly spiffeId: string;
  /** PKCS#8 PEM. */
  readonly keyPem: string;
  /** PEM of the client's certificate and of what leads from it to a root. */
  readonly chainPem: string;
  /** PEM of all roots of the gateway. */
  readonly caPem: string;
  /** Milliseconds since the epoch. */
  readonly notAfterMs: number;
}

/** The signature scheme of each kind of client key, by its name in the registry. */
export const SCHEME_NAMES: Readonly<Record<ClientAlgorithm, string>> = {
  'ML-DSA-65': 'ML-DSA-65',
  'ML-DSA-87': 'ML-DSA-87',
  'ECDSA-P256': 'ECDSA-P256-SHA256',
};

/**
 * Makes a key and a certificate for a client of the gateway whose state directory this is, and enters
 * the certificate in the ledger.
 *
 * @throws ClientNameInvalid, ClientLifetimeInvalid, IdentityMissing, or what loading the identity
 *   and writing the ledger throw.
 */
export async function issueClient(
  stateDir: string,
  name: string,
  options: ClientOptions = {},
): Promise<IssuedClient> {
  const { algorithm = 'ML-DSA-65', days = CLIENT_DAYS } = options;
  parseClientName(name);
  if (!Number.isInteger(days) || days < 1 || days > MAX_CLIENT_DAYS) {
    throw new ClientLifetimeInvalid(`a lifetime of ${days} days cannot be given`);
  }
  const nowMs = Date.now();
  const directory = await openStateDir(stateDir);
  const identity = await loadIdentity(directory, nowMs);
  if (identity === null) throw new IdentityMissing(`${directory} holds no identity`);
  const spiffeId = formatSpiffeId(identity.trustDomain, 'client', name);
  const chain = chainFor(identity.chains, algorithm);
  const { issuing, spec } = chain;
  const period = validity(nowMs, daysMs(days));
  if (period.notAfterMs > issuing.certificate.validToDate.getTime()) {
    throw new ClientLifetimeInvalid('the certificate would outlive the issuing CA');
  }
  const keys = generateKeys(spec.leaf);
  const certificate = await issueCertificate(
    { role: 'client', commonName: name, publicKey: keys.publicKey, spiffeId, names: [], ...period },
    issuing,
  );
  await enterIssued(directory, spec.name, name, spiffeId, certificate, null);
  return {
    name,
    spiffeId,
    keyPem: privatePem(keys.privateKey),
    chainPem: chainPemOf(chain, certificate.toString()),
    caPem: identity.caPem,
    notAfterMs: period.notAfterMs,
  };
}

function chainFor(chains: readonly StoredChain[], algorithm: ClientAlgorithm): StoredChain {
  const chain = chains.find(({ spec }) => spec.leaf.name === SCHEME_NAMES[algorithm]);
  if (chain === undefined) throw new Error(`no chain issues ${algorithm} certificates`);
  return chain;
}
