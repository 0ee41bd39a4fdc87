import { once } from 'node:events';
import { duplexPair } from 'node:stream';
import { connect, createServer } from 'node:tls';
import { tlsOptionsOf } from '#crypto';
import { messageOf } from '#lib';
import { ProfileUnusable } from './errors.ts';
import { refusalOf } from './refusal.ts';
import type { ServerTls } from './server-options.ts';
import { serverTlsOptions } from './server-options.ts';

/** A handshake in memory takes milliseconds; one that hangs is as bad as one that fails. */
const TIMEOUT_MS = 10_000;

/**
 * Makes sure that a listener's TLS configuration works before it goes live, by a whole handshake in
 * memory: a client with the same profile, the roots that clients know, and no byte on any network.
 *
 * @throws ProfileUnusable when the runtime lacks an algorithm of it, when no certificate of the
 *   identity has a signature that it allows, or when a client of the same profile is refused.
 */
export async function rehearse(tls: ServerTls): Promise<void> {
  const { name } = tls.profile;
  try {
    await handshake(tls);
  } catch (thrown) {
    throw new ProfileUnusable(`profile "${name}" does not work here: ${messageOf(thrown)}`, {
      cause: thrown,
      details: { profile: name },
    });
  }
}

async function handshake(tls: ServerTls): Promise<void> {
  // What clients have to show for themselves is not at issue here.
  const server = createServer(serverTlsOptions({ ...tls, clientCertificates: 'none' }));
  const [near, far] = duplexPair();
  const over = new AbortController();
  const timer = setTimeout(() => over.abort(), TIMEOUT_MS);
  const { signal } = over;
  const refused = once(server, 'tlsClientError', { signal });
  try {
    server.emit('connection', near);
    const client = connect({
      ...tlsOptionsOf(tls.profile),
      socket: far,
      ...(tls.rootsPem === null ? { rejectUnauthorized: false } : { ca: tls.rootsPem }),
      ALPNProtocols: ['http/1.1'],
      checkServerIdentity: () => undefined,
    });
    // The side that refuses says why; the other one hears no more than an alert, but maybe first.
    const connected = once(client, 'secureConnect', { signal }).catch(() => refused);
    const [error] = (await Promise.race([connected, refused])) as [Error?];
    if (error !== undefined) throw new Error(refusalOf(error).reason);
  } finally {
    refused.catch(() => undefined);
    clearTimeout(timer);
    over.abort();
    near.destroy();
    far.destroy();
  }
}
