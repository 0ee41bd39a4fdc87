import type { ClientAlgorithm } from '../client.ts';
import { SCHEME_NAMES } from '../client.ts';
import { CertificateNotRenewable, CertificateRequestRefused } from '../errors.ts';
import { issueCertificate } from '../issue.ts';
import { CLIENT_DAYS, daysMs, validity } from '../lifetimes.ts';
import type { StoredIdentity } from '../load-identity.ts';
import type { Predecessor } from '../revocation/ledger.ts';
import { enterIssued } from '../revocation/ledger.ts';
import { formatSpiffeId } from '../spiffe.ts';
import { readCertificateRequest } from './read-request.ts';

/** A certificate that somebody was granted. */
export interface CertificateOrder {
  /** Of the client. */
  readonly name: string;
  readonly algorithm: ClientAlgorithm;
  /** PKCS#10, DER, as it came. */
  readonly request: Uint8Array;
  /** What it renews, `null` for a client's first certificate. */
  readonly predecessor: Predecessor | null;
  readonly nowMs: number;
}

/** What became of an order. It crosses the border of a process, so it is plain data. */
export type OrderResult =
  | { readonly refused: string; readonly of: 'request' | 'predecessor' }
  /** DER of the client's certificate, then of the certificates above it, the root left out. */
  | { readonly chain: readonly Uint8Array[] };

/**
 * Makes the certificate of an order and enters it in the ledger. Of the request nothing but the key goes into it; names in it
 * must not differ from what was granted, or its sender would get something else than it expects.
 */
export async function issueOrdered(
  stateDir: string,
  stored: Pick<StoredIdentity, 'trustDomain' | 'chains'>,
  order: CertificateOrder,
): Promise<OrderResult> {
  try {
    return { chain: await issue(stateDir, stored, order) };
  } catch (thrown) {
    const { message } = Object(thrown) as Error;
    if (thrown instanceof CertificateRequestRefused) return { refused: message, of: 'request' };
    if (thrown instanceof CertificateNotRenewable) return { refused: message, of: 'predecessor' };
    throw thrown;
  }
}

async function issue(
  stateDir: string,
  { trustDomain, chains }: Pick<StoredIdentity, 'trustDomain' | 'chains'>,
  { name, algorithm, request, predecessor, nowMs }: CertificateOrder,
): Promise<readonly Uint8Array[]> {
  const read = await readCertificateRequest(request);
  const spiffeId = formatSpiffeId(trustDomain, 'client', name);
  if (read.algorithm !== algorithm) {
    throw refused(`the key is ${read.algorithm}, and ${algorithm} was granted`);
  }
  if (read.commonNames.some((asked) => asked !== name)) {
    throw refused('the common name in the request is not the client’s');
  }
  if (read.spiffeIds.some((asked) => asked !== spiffeId)) {
    throw refused('the SPIFFE id in the request is not the client’s');
  }
  const chain = chains.find(({ spec }) => spec.leaf.name === SCHEME_NAMES[algorithm]);
  if (chain === undefined) throw new Error(`no chain issues ${algorithm} certificates`);
  const { issuing, cross, spec } = chain;
  const period = validity(nowMs, daysMs(CLIENT_DAYS));
  const certificate = await issueCertificate(
    {
      role: 'client',
      commonName: name,
      publicKey: read.publicKey,
      spiffeId,
      names: [],
      notBeforeMs: period.notBeforeMs,
      // A certificate that outlives its issuer would be refused in the end.
      notAfterMs: Math.min(period.notAfterMs, issuing.certificate.validToDate.getTime()),
    },
    issuing,
  );
  await enterIssued(stateDir, spec.name, name, spiffeId, certificate, predecessor);
  const above = cross === null ? [issuing.certificate] : [issuing.certificate, cross];
  return [certificate, ...above].map(({ raw }) => raw);
}

function refused(message: string): Error {
  return new CertificateRequestRefused(message);
}
