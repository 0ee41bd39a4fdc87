import { generateKeyPairSync, webcrypto } from 'node:crypto';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import type { ListenerSettings } from '#config';
import type { PosternEvent } from '#lib';
import type { Credential } from '../../test/support/certificates.ts';
import { createAuthority } from '../../test/support/certificates.ts';
import { until } from '../../test/support/until.ts';
import { openListenerFiles } from './listener-files.ts';

await import('reflect-metadata');
const { X509CertificateGenerator } = await import('@peculiar/x509');

test('R-21 a key that TLS cannot use keeps no other listener from its revocation lists', async (t) => {
  const directory = await mkdtemp(join(tmpdir(), 'postern-listener-files-'));
  t.after(() => rm(directory, { recursive: true }));
  const path = (name: string): string => join(directory, name);
  const authority = await createAuthority();
  const client = await authority.issue();
  const put = async ({ certPem, keyPem }: Credential): Promise<void> => {
    await writeFile(path('key'), keyPem);
    await writeFile(path('crt'), certPem);
  };
  await put(await authority.issue());
  await writeFile(path('crl'), await authority.revocationList([]));
  const tls = { certificates: [], clientCaFile: null, clientCrlFile: null };
  const pair = { certificateFile: path('crt'), keyFile: path('key') };
  const listeners = [
    { name: 'shown', tls: { ...tls, certificates: [pair] } },
    { name: 'listed', tls: { ...tls, clientCrlFile: path('crl') } },
  ] as unknown as readonly ListenerSettings[];
  const events: PosternEvent[] = [];
  const files = await openListenerFiles(listeners, directory, (event) => void events.push(event));
  const [before] = files.current().get('listed')?.crls ?? [];
  let inForce = before;
  t.after(
    files.watch(() => {
      inForce = files.current().get('listed')?.crls[0];
      return Promise.resolve();
    }),
  );
  await put(await unusable());
  await until('it is told', () =>
    events.some(({ fields }) => /cannot sign with such a key/.test(String(fields?.['why']))),
  );
  await writeFile(path('crl'), await authority.revocationList([client]));
  await until('the list is in force', () => inForce !== before);
});

/** A pair that fits together, on a curve that TLS 1.3 does not have. */
async function unusable(): Promise<Credential> {
  const { privateKey, publicKey } = generateKeyPairSync('ec', { namedCurve: 'secp256k1' });
  const P256 = { name: 'ECDSA', namedCurve: 'P-256', hash: 'SHA-256' } as const;
  const { privateKey: signingKey } = await webcrypto.subtle.generateKey(P256, false, ['sign']);
  const certificate = await X509CertificateGenerator.create({
    issuer: 'CN=anybody',
    subject: 'CN=test server',
    publicKey: publicKey.export({
      type: 'spki',
      format: 'der',
    }),
    signingKey,
    signingAlgorithm: P256,
  });
  const keyPem = privateKey.export({ type: 'pkcs8', format: 'pem' });
  return { certPem: `${certificate.toString('pem')}\n`, keyPem };
}
