import { webcrypto } from 'node:crypto';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';

// The library's dependency injection needs the metadata API to be there before it loads.
await import('reflect-metadata');
const x509 = await import('@peculiar/x509');

/** Files of one server certificate for `localhost` and 127.0.0.1, PEM. */
export interface CertificateFiles {
  readonly caFile: string;
  readonly certFile: string;
  readonly keyFile: string;
}

/** The two kinds of server certificate that links use. */
export interface Certificates {
  readonly pq: CertificateFiles;
  readonly classical: CertificateFiles;
}

const KEYS = {
  pq: { name: 'ML-DSA-65' },
  classical: { name: 'ECDSA', namedCurve: 'P-256', hash: 'SHA-256' },
} as const;

const DAY_MS = 86_400_000;

x509.cryptoProvider.set(webcrypto);

/** Makes both, each with an authority of its own kind, in a directory that only we can read. */
export async function makeCertificates(directory: string): Promise<Certificates> {
  return {
    pq: await makeOne(directory, 'pq'),
    classical: await makeOne(directory, 'classical'),
  };
}

async function makeOne(directory: string, kind: keyof typeof KEYS): Promise<CertificateFiles> {
  const signingAlgorithm = KEYS[kind];
  const dates = {
    notBefore: new Date(Date.now() - DAY_MS),
    notAfter: new Date(Date.now() + DAY_MS),
  };
  const ca = await generate(kind);
  const root = await x509.X509CertificateGenerator.createSelfSigned({
    name: `CN=bench ${kind} authority`,
    keys: ca,
    signingAlgorithm,
    ...dates,
    extensions: [new x509.BasicConstraintsExtension(true, 0, true)],
  });
  const keys = await generate(kind);
  const certificate = await x509.X509CertificateGenerator.create({
    issuer: root.subject,
    subject: 'CN=localhost',
    publicKey: keys.publicKey,
    signingKey: ca.privateKey,
    signingAlgorithm,
    ...dates,
    extensions: [
      new x509.BasicConstraintsExtension(false),
      new x509.SubjectAlternativeNameExtension([
        { type: 'dns', value: 'localhost' },
        { type: 'ip', value: '127.0.0.1' },
      ]),
    ],
  });
  const pkcs8 = await webcrypto.subtle.exportKey('pkcs8', keys.privateKey);
  const save = async (name: string, pem: string): Promise<string> => {
    const path = join(directory, `${kind}-${name}.pem`);
    await writeFile(path, `${pem}\n`, { mode: 0o600 });
    return path;
  };
  return {
    caFile: await save('ca', root.toString('pem')),
    certFile: await save('cert', certificate.toString('pem')),
    keyFile: await save('key', x509.PemConverter.encode(pkcs8, 'PRIVATE KEY')),
  };
}

function generate(kind: keyof typeof KEYS): Promise<webcrypto.CryptoKeyPair> {
  return webcrypto.subtle.generateKey(KEYS[kind], true, [
    'sign',
    'verify',
  ]) as Promise<webcrypto.CryptoKeyPair>;
}
