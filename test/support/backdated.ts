import {
  createPrivateKey,
  createPublicKey,
  X509Certificate as NodeCertificate,
  webcrypto,
} from 'node:crypto';
import { globSync } from 'node:fs';
import { appendFile, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { IssuedClient } from '#identity';

// The library's dependency injection needs the metadata API to be there before it loads.
await import('reflect-metadata');
const {
  ExtendedKeyUsage,
  ExtendedKeyUsageExtension,
  SubjectAlternativeNameExtension,
  X509Certificate,
  X509CertificateGenerator,
} = await import('@peculiar/x509');

const DAY_MS = 86_400_000;
const P256 = { name: 'ECDSA', namedCurve: 'P-256', hash: 'SHA-256' } as const;

/**
 * The same ECDSA client, as if it had been issued eighty days ago for ninety: certified once more
 * with the key of the gateway's own authority.
 */
export async function backdate(stateDir: string, issued: IssuedClient): Promise<IssuedClient> {
  const [path = ''] = globSync('identity/**/classical/issuing.key', { cwd: stateDir });
  const issuingKey = createPrivateKey(await readFile(join(stateDir, path)));
  const [, issuingPem = ''] = issued.chainPem.split(/(?<=-----END CERTIFICATE-----\n)/);
  const notAfterMs = Date.now() + 10 * DAY_MS;
  const certificate = await X509CertificateGenerator.create({
    issuer: new X509Certificate(issuingPem).subjectName,
    subject: `CN=${issued.name}`,
    publicKey: createPublicKey(issued.keyPem).export({ type: 'spki', format: 'der' }),
    signingKey: await webcrypto.subtle.importKey(
      'pkcs8',
      issuingKey.export({ type: 'pkcs8', format: 'der' }),
      P256,
      false,
      ['sign'],
    ),
    signingAlgorithm: P256,
    notBefore: new Date(notAfterMs - 90 * DAY_MS),
    notAfter: new Date(notAfterMs),
    extensions: [
      new ExtendedKeyUsageExtension([ExtendedKeyUsage.clientAuth]),
      new SubjectAlternativeNameExtension([{ type: 'url', value: issued.spiffeId }]),
    ],
  });
  await enter(stateDir, new NodeCertificate(certificate.toString('pem')));
  return { ...issued, notAfterMs, chainPem: `${certificate.toString('pem')}\n${issuingPem}` };
}

/** Has the ledger know it, like everything that the gateway has issued. */
async function enter(stateDir: string, certificate: NodeCertificate): Promise<void> {
  const ledger = join(stateDir, 'identity/issued.jsonl');
  const [line = ''] = (await readFile(ledger, 'utf8')).trim().split('\n').slice(-1);
  const entry = {
    ...(JSON.parse(line) as object),
    serial: certificate.serialNumber,
    fingerprint256: certificate.fingerprint256,
    not_before: certificate.validFromDate.toISOString(),
    not_after: certificate.validToDate.toISOString(),
  };
  await appendFile(ledger, `${JSON.stringify(entry)}\n`);
}
