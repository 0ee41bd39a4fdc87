import type { X509Certificate } from 'node:crypto';
import { hash } from 'node:crypto';
import type { TLSSocket } from 'node:tls';
import { UpstreamCertificateInvalid } from '../errors.ts';
import { chainOf } from './chain.ts';
import type { ServerLabel } from './server-label.ts';
import { adviceFor } from './server-label.ts';

/**
 * The pin of a certificate's key: `sha256/` and the base64 of the SHA-256 of its SubjectPublicKeyInfo,
 * as in RFC 7469 §2.4.
 */
export function pinOf({ publicKey }: X509Certificate): string {
  const spki = publicKey.export({ type: 'spki', format: 'der' });
  return `sha256/${hash('sha256', spki, 'base64')}`;
}

/**
 * Makes sure that the verified chain of a connection has a pinned key: the server's own or one of its
 * authorities', the root among them.
 *
 * @param pins none means that any key will do.
 * @throws UpstreamCertificateInvalid otherwise, with the server's own pin.
 */
export function checkPins(server: ServerLabel, socket: TLSSocket, pins: readonly string[]): void {
  if (pins.length === 0) return;
  const [own, ...authorities] = chainOf(socket).map(pinOf);
  if (own !== undefined && [own, ...authorities].some((pin) => pins.includes(pin))) return;
  throw new UpstreamCertificateInvalid(
    `${server.host}: no key of its certificates is pinned; its own is ${own ?? 'unknown'}`,
    {
      hint: adviceFor(
        server,
        'If the server has rightly got a new key, put its pin beside the old one in `tls.pins`.',
      ),
    },
  );
}
