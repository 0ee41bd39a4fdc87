import type { X509Certificate } from 'node:crypto';
import type { TLSSocket } from 'node:tls';
import { getCACertificates } from 'node:tls';
import { certificatesIn } from '#identity';
import { UpstreamCertificateInvalid } from '../errors.ts';
import { chainOf, isIssuedByAuthority } from './chain.ts';
import type { ServerLabel } from './server-label.ts';
import { adviceFor } from './server-label.ts';

/** The authorities of a PEM bundle, or those that Node.js trusts by itself. */
export function anchorsOf(caPem: string | null): readonly X509Certificate[] {
  return certificatesIn(caPem ?? getCACertificates('default').join('\n'));
}

/**
 * Makes sure that a verified chain leads to one of these authorities. Node.js trusts whatever
 * certificates of authorities a PKCS#12 container holds, for servers too, although they are there
 * to vouch for the client.
 *
 * @throws UpstreamCertificateInvalid
 */
export function checkAnchors(
  server: ServerLabel,
  socket: TLSSocket,
  anchors: readonly X509Certificate[],
): void {
  const now = Date.now();
  const inDate = anchors.filter(
    (anchor) => anchor.validFromDate.getTime() <= now && now <= anchor.validToDate.getTime(),
  );
  const leads = chainOf(socket).some((each) => inDate.some((anchor) => leadsTo(each, anchor)));
  if (leads) return;
  throw new UpstreamCertificateInvalid(
    `${server.host}: the certificate is refused: only an authority of the client certificate’s container vouches for it`,
    { hint: adviceFor(server, 'If that authority is the right one, name it in `tls.ca`.') },
  );
}

function leadsTo(certificate: X509Certificate, anchor: X509Certificate): boolean {
  return certificate.raw.equals(anchor.raw) || isIssuedByAuthority(certificate, anchor);
}
