/** TLS 1.3 handshakes in memory, with a client that knows every secret. */
import assert from 'node:assert/strict';
import { createHash, createHmac } from 'node:crypto';
import { once } from 'node:events';
import type { Duplex } from 'node:stream';
import { duplexPair } from 'node:stream';
import type { ConnectionOptions } from 'node:tls';
import { connect, createServer } from 'node:tls';
import type { Cipher, Group } from '#crypto';
import { createAuthority } from '../support/certificates.ts';
import {
  clientHello,
  EXTENSION,
  extensionsOfClient,
  firstMessage,
  inRecord,
  readServerHello,
  u16,
  vector,
} from './hello.ts';
import { makeKeyShare } from './key-share.ts';

/** The same secret as this client and as OpenSSL, the server, derived it. Hexadecimal. */
interface HandshakeSecrets {
  readonly ours: string;
  readonly openssls: string;
  readonly clientShareBytes: number;
  readonly serverShareBytes: number;
}

const credential = await (await createAuthority('P-256')).issue({ kind: 'P-256' });

/**
 * Begins a handshake and derives `server_handshake_traffic_secret` (RFC 8446 §7.1) from the shares.
 *
 * @param order of the group's parts.
 */
export async function handshakeSecrets(
  group: Group,
  order: readonly string[],
  cipher: Cipher,
): Promise<HandshakeSecrets> {
  const share = makeKeyShare(group, order);
  const offer = clientHello(group, share.bytes, cipher);
  const { flight, secret } = await answerTo(offer, group, cipher);
  const answer = firstMessage(flight);
  const { cipher: chosen, extensions } = readServerHello(answer);
  assert.equal(chosen, cipher.ianaId);
  const entry = extensions.get(EXTENSION.keyShare) ?? assert.fail('the server sent no share');
  assert.equal(entry.readUInt16BE(0), group.ianaId);
  const shared = share.secretWith(entry.subarray(4));
  return {
    ours: serverSecret(shared, Buffer.concat([offer, answer]), cipher.hash.nodeName),
    openssls: secret,
    clientShareBytes: share.bytes.length,
    serverShareBytes: entry.length - 4,
  };
}

/** The extensions that OpenSSL sends as a client, by type. */
export async function offerOf(options: ConnectionOptions): Promise<ReadonlyMap<number, Buffer>> {
  const [near, far] = duplexPair();
  const client = connect({ socket: near, ...options });
  client.on('error', () => undefined);
  const flight = await firstChunk(far);
  client.destroy();
  return extensionsOfClient(firstMessage(flight));
}

/** OpenSSL's first flight as a server, and the secret that it tells key logs. */
async function answerTo(
  offer: Buffer,
  group: Group,
  { name }: Cipher,
): Promise<{ readonly flight: Buffer; readonly secret: string }> {
  const server = createServer({
    cert: credential.certPem,
    key: credential.keyPem,
    ecdhCurve: group.opensslName,
    ciphers: name,
    minVersion: 'TLSv1.3',
  });
  const secret = new Promise<string>((resolve, reject) => {
    server.on('tlsClientError', reject);
    server.on('keylog', (line: Buffer) => {
      const found = /^SERVER_HANDSHAKE_TRAFFIC_SECRET \w+ (\w+)/.exec(line.toString());
      if (found !== null) resolve(found[1] ?? '');
    });
  });
  const [near, far] = duplexPair();
  server.emit('connection', far);
  near.write(inRecord(offer));
  const [flight, known] = await Promise.all([firstChunk(near), secret]);
  near.destroy();
  far.destroy();
  return { flight, secret: known };
}

async function firstChunk(stream: Duplex): Promise<Buffer> {
  const [chunk] = (await once(stream, 'data')) as [Buffer];
  return chunk;
}

function serverSecret(shared: Buffer, transcript: Buffer, hash: string): string {
  const digest = (bytes: Buffer): Buffer => createHash(hash).update(bytes).digest();
  const none = digest(Buffer.alloc(0));
  const zeros = Buffer.alloc(none.length);
  const early = hmac(hash, zeros, zeros);
  const secret = hmac(hash, expandLabel(hash, early, 'derived', none), shared);
  return expandLabel(hash, secret, 's hs traffic', digest(transcript)).toString('hex');
}

/** HKDF-Expand-Label (RFC 8446 §7.1) as long as the hash: HKDF needs one round for that. */
function expandLabel(hash: string, secret: Buffer, label: string, context: Buffer): Buffer {
  const info = [u16(context.length), vector(1, Buffer.from(`tls13 ${label}`)), vector(1, context)];
  return hmac(hash, secret, Buffer.concat([...info, Buffer.of(1)]));
}

function hmac(hash: string, key: Buffer, data: Buffer): Buffer {
  return createHmac(hash, key).update(data).digest();
}
