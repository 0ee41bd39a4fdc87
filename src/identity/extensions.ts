/** Extensions that the X.509 library has no class for. */
import type * as X509 from '@peculiar/x509';
import type { Library } from './x509-library.ts';

const NAME_CONSTRAINTS = '2.5.29.30';
const CRL_NUMBER = '2.5.29.20';

const INTEGER = 0x02;
const SEQUENCE = 0x30;
const PERMITTED_SUBTREES = 0xa0;

/**
 * Name constraints by which an authority certifies URIs of one trust domain and no others (RFC 5280
 * §4.2.1.10; SPIFFE X509-SVID §4.2). Names of other kinds stay free.
 *
 * @param critical a verifier that does not know the constraint refuses the certificate
 */
export function trustDomainConstraint(
  x509: Library,
  trustDomain: string,
  critical: boolean,
): X509.Extension {
  // With minimum and maximum at their defaults, a GeneralSubtree is encoded as GeneralNames of one.
  const subtree = new x509.GeneralNames([{ type: 'url', value: trustDomain }]);
  const permitted = der(PERMITTED_SUBTREES, Buffer.from(subtree.rawData));
  return new x509.Extension(NAME_CONSTRAINTS, critical, der(SEQUENCE, permitted));
}

/** The number of a revocation list, by which the newer of two is known (RFC 5280 §5.2.3). */
export function crlNumber(x509: Library, number: number): X509.Extension {
  const hex = number.toString(16);
  const digits = Buffer.from(hex.length % 2 === 0 ? hex : `0${hex}`, 'hex');
  const negative = ((digits[0] ?? 0) & 0x80) !== 0;
  const value = negative ? Buffer.concat([Buffer.of(0), digits]) : digits;
  return new x509.Extension(CRL_NUMBER, false, der(INTEGER, value));
}

/** One value in DER, of at most 65,535 bytes. */
function der(tag: number, content: Buffer): Buffer {
  const { length } = content;
  const header =
    length < 0x80
      ? [tag, length]
      : length < 0x100
        ? [tag, 0x81, length]
        : [tag, 0x82, length >> 8, length & 0xff];
  return Buffer.concat([Buffer.from(header), content]);
}
