import { once } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { TestContext } from 'node:test';
import type { ConnectionOptions, TLSSocket, TlsOptions } from 'node:tls';
import { connect, createServer } from 'node:tls';
import type { GatewayIdentity } from './identity.ts';
import { spiffeIdOfCertificate } from './spiffe.ts';

/** What most tests want of a gateway's certificates. */
export const LIFETIME_MS = 24 * 60 * 60 * 1000;

/** A directory of this test alone, removed after it. */
export async function temporaryDir(t: TestContext): Promise<string> {
  const directory = await mkdtemp(join(tmpdir(), 'postern-identity-'));
  t.after(() => rm(directory, { recursive: true, force: true }));
  return directory;
}

/** Checks of an error of this room, for `assert.rejects` and `assert.throws`. */
export function failure(code: string, text?: RegExp): object {
  return text === undefined ? { code } : { code, message: text };
}

const GROUP = { ecdhCurve: 'X25519MLKEM768', minVersion: 'TLSv1.3' } as const;

/** Signatures that a test's gateway prefers. */
export const PREFERRED = 'mldsa65:mldsa87:ecdsa_secp256r1_sha256';

/** What both sides saw. */
interface Seen {
  readonly clientVerified: boolean;
  readonly serverVerified: boolean;
  /** Why the server does not believe the client, as OpenSSL calls it. */
  readonly clientRefusal: string | null;
  readonly group: unknown;
  readonly shownByServer: string | undefined;
  readonly shownByClient: string | undefined;
  readonly clientSpiffeId: string | null;
}

/** One handshake with a gateway's credentials; rejects with the failure of the client's side. */
export async function handshakeWith(
  gateway: Pick<GatewayIdentity, 'credentials' | 'caPem'>,
  server: TlsOptions,
  client: ConnectionOptions,
): Promise<Seen> {
  const listener = createServer({
    ...GROUP,
    sigalgs: PREFERRED,
    key: gateway.credentials.map(({ keyPem }) => keyPem),
    cert: gateway.credentials.map(({ chainPem }) => chainPem),
    ca: gateway.caPem,
    ...server,
  });
  const accepted = once(listener, 'secureConnection') as Promise<[TLSSocket]>;
  accepted.catch(() => undefined);
  await once(listener.listen(0, '127.0.0.1'), 'listening');
  const { port } = listener.address() as AddressInfo;
  const socket = connect({ ...GROUP, host: '127.0.0.1', port, ca: gateway.caPem, ...client });
  try {
    await once(socket, 'secureConnect');
    const [served] = await accepted;
    const peer = served.getPeerX509Certificate();
    // A code at run time, whatever the types say.
    const refusal: unknown = served.authorizationError;
    const seen = {
      clientVerified: socket.authorized,
      serverVerified: served.authorized,
      clientRefusal: typeof refusal === 'string' ? refusal : null,
      group: Reflect.get(socket.getEphemeralKeyInfo() ?? {}, 'name') as unknown,
      shownByServer: served.getX509Certificate()?.signatureAlgorithm,
      shownByClient: peer?.signatureAlgorithm,
      clientSpiffeId: peer === undefined ? null : spiffeIdOfCertificate(peer),
    };
    served.destroy();
    return seen;
  } finally {
    socket.destroy();
    await new Promise((resolve) => listener.close(resolve));
  }
}

/** Key and certificates of a client as TLS options. */
export function credentialOf(issued: { readonly keyPem: string; readonly chainPem: string }): {
  key: string;
  cert: string;
} {
  return { key: issued.keyPem, cert: issued.chainPem };
}
