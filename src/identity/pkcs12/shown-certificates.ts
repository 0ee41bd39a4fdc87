import { X509Certificate } from 'node:crypto';
import { once } from 'node:events';
import { duplexPair } from 'node:stream';
import type { SecureContextOptions } from 'node:tls';
import { connect, createServer } from 'node:tls';

const TIMEOUT_MS = 10_000;
/** OpenSSL itself takes no more than 100 KB of certificates from a server. */
const MAX_CERTIFICATES = 32;

/**
 * The certificates that a TLS server shows with these options, its own first, the others in no
 * particular order: by a handshake in memory, which is the only way to those in a container.
 *
 * @throws Error when no handshake succeeds.
 */
export async function certificatesShown(
  options: SecureContextOptions,
): Promise<readonly X509Certificate[]> {
  const server = createServer({ ...options, minVersion: 'TLSv1.3' });
  const [near, far] = duplexPair();
  const signal = AbortSignal.timeout(TIMEOUT_MS);
  const refused = once(server, 'tlsClientError', { signal }).then(([error]) => {
    throw error;
  });
  // The end of the connection, which this is told of too, is no concern of anybody.
  refused.catch(() => undefined);
  server.emit('connection', near);
  // Nobody is to be trusted here: only the certificates are of interest.
  const client = connect({ socket: far, rejectUnauthorized: false, minVersion: 'TLSv1.3' });
  client.on('error', () => undefined);
  try {
    await Promise.race([once(client, 'secureConnect', { signal }), refused]);
    return listOf(client.getPeerX509Certificate());
  } finally {
    client.destroy();
    near.destroy();
    far.destroy();
  }
}

/** Node links the certificates in the order in which they came. */
function listOf(first: X509Certificate | undefined): readonly X509Certificate[] {
  const list: X509Certificate[] = [];
  let next = first;
  while (next !== undefined && list.length < MAX_CERTIFICATES) {
    // Without a link to the others, which keeps the connection's memory.
    list.push(new X509Certificate(next.raw));
    next = next.issuerCertificate;
  }
  return list;
}
