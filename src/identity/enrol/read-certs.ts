import { X509Certificate } from 'node:crypto';
import { EnrolmentAnswerInvalid } from '../errors.ts';
import { loadLibrary } from '../x509-library.ts';

const MAX_CERTIFICATES = 32;

/**
 * The certificates in a certs-only message (RFC 7030 §4.1.3), in the order in which they stand. None
 * of them is verified.
 *
 * @throws EnrolmentAnswerInvalid
 */
export async function readCerts(der: Uint8Array): Promise<readonly X509Certificate[]> {
  const x509 = await loadLibrary();
  try {
    const certificates = [...new x509.X509Certificates(der)];
    if (certificates.length <= MAX_CERTIFICATES) {
      return certificates.map(({ rawData }) => new X509Certificate(Buffer.from(rawData)));
    }
  } catch (cause) {
    throw new EnrolmentAnswerInvalid('the gateway’s answer holds no certificates', { cause });
  }
  throw new EnrolmentAnswerInvalid(
    `the gateway’s answer has over ${MAX_CERTIFICATES} certificates`,
  );
}

/**
 * The root with this SHA-256 among certificates that nobody has verified, PEM.
 *
 * @param fingerprint 64 lower-case hex digits.
 * @throws EnrolmentAnswerInvalid when it is not among them, or is no root.
 */
export function pinnedRoot(certificates: readonly X509Certificate[], fingerprint: string): string {
  const pinned = certificates.find((each) => fingerprintOf(each) === fingerprint);
  if (pinned === undefined) {
    throw new EnrolmentAnswerInvalid('the gateway has no CA with the given fingerprint', {
      hint: 'Compare it with what `postern ca token` printed; if it is the same, somebody stands between you and the gateway.',
      details: { wanted: fingerprint, shown: certificates.map(fingerprintOf) },
    });
  }
  if (isRoot(pinned)) return pinned.toString();
  throw new EnrolmentAnswerInvalid('the certificate with the given fingerprint is no root');
}

/** The roots among certificates, as one PEM. */
export function rootsPem(certificates: readonly X509Certificate[]): string {
  return certificates
    .filter(isRoot)
    .map((root) => root.toString())
    .join('');
}

/** SHA-256 of a certificate as 64 lower-case hex digits. */
export function fingerprintOf(certificate: X509Certificate): string {
  return certificate.fingerprint256.replaceAll(':', '').toLowerCase();
}

function isRoot(certificate: X509Certificate): boolean {
  return (
    certificate.ca &&
    certificate.checkIssued(certificate) &&
    certificate.verify(certificate.publicKey)
  );
}
