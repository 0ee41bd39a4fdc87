import type * as X509 from '@peculiar/x509';
import type { AuthorityPair } from '../authorities.ts';
import { crlNumber } from '../extensions.ts';
import { validity } from '../lifetimes.ts';
import type { Library } from '../x509-library.ts';
import { keyIdentifier, loadLibrary, signerFor, signingKeyOf, subjectOf } from '../x509-library.ts';
import type { RevokedEntry } from './schemas.ts';

/** As OpenSSL knows it (RFC 7468 §6); the library writes a shorter one. */
const PEM_LABEL = 'X509 CRL';

/** What is to be in a certificate revocation list. */
interface CrlContents {
  readonly entries: readonly RevokedEntry[];
  /** Higher than that of every list before of the same issuer. */
  readonly number: number;
  readonly nowMs: number;
  /** From now to the next update. */
  readonly lifetimeMs: number;
}

/** Signs a certificate revocation list (RFC 5280 §5, version 2). @returns PEM. */
export async function signCrl(
  { certificate, key }: AuthorityPair,
  { entries, number, nowMs, lifetimeMs }: CrlContents,
): Promise<string> {
  const x509 = await loadLibrary();
  const { notBeforeMs, notAfterMs } = validity(nowMs, lifetimeMs);
  const crl = await x509.X509CrlGenerator.create(
    {
      issuer: subjectOf(x509, certificate),
      thisUpdate: new Date(notBeforeMs),
      nextUpdate: new Date(notAfterMs),
      entries: entries.flatMap((entry) => crlEntry(x509, entry)),
      extensions: [
        new x509.AuthorityKeyIdentifierExtension(keyIdentifier(certificate.publicKey)),
        crlNumber(x509, number),
      ],
      signingAlgorithm: signingKeyOf(key).algorithm,
      signingKey: signingKeyOf(key),
    },
    signerFor(key),
  );
  return `${x509.PemConverter.encode(crl.rawData, PEM_LABEL)}\n`;
}

/** When a revocation list has to be followed by the next one, in milliseconds since the epoch. */
export async function nextUpdateOf(pem: string): Promise<number> {
  const x509 = await loadLibrary();
  const [der] = x509.PemConverter.decode(pem);
  return der === undefined ? 0 : (new x509.X509Crl(der).nextUpdate?.getTime() ?? 0);
}

function crlEntry(x509: Library, entry: RevokedEntry): X509.X509CrlEntryParams[] {
  if (entry.serial === null) return [];
  const base = { serialNumber: entry.serial, revocationDate: new Date(entry.revoked_at) };
  // RFC 5280 §5.3.1 wants no code rather than that of `unspecified`.
  if (entry.reason === 'unspecified') return [base];
  return [{ ...base, reason: x509.X509CrlReason[entry.reason] }];
}
