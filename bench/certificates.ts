import { webcrypto } from 'node:crypto';
import { readFile, writeFile } from 'node:fs/promises';
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

/** A server certificate under the issuing CA of a gateway, whose files are in this directory. */
export async function issueUnder(
  chainDirectory: string,
  directory: string,
): Promise<{ readonly certFiles: readonly string[]; readonly keyFile: string }> {
  const issuerFile = join(chainDirectory, 'issuing.crt');
  const issuer = new x509.X509Certificate(await readFile(issuerFile, 'utf8'));
  const [pkcs8] = x509.PemConverter.decode(
    await readFile(join(chainDirectory, 'issuing.key'), 'utf8'),
  );
  if (pkcs8 === undefined) throw new Error(`${chainDirectory} has no issuing key`);
  const { subtle } = webcrypto;
  const signingKey = await subtle.importKey('pkcs8', pkcs8, KEYS.pq, false, ['sign']);
  const { certFile, keyFile } = await issue(directory, 'pq', issuer.subject, signingKey);
  return { certFiles: [certFile, issuerFile], keyFile };
}

async function makeOne(directory: string, kind: keyof typeof KEYS): Promise<CertificateFiles> {
  const ca = await generate(kind);
  const root = await x509.X509CertificateGenerator.createSelfSigned({
    name: `CN=bench ${kind} authority`,
    keys: ca,
    signingAlgorithm: KEYS[kind],
    ...dates(),
    extensions: [new x509.BasicConstraintsExtension(true, 0, true)],
  });
  return {
    caFile: await save(directory, `${kind}-ca`, root.toString('pem')),
    ...(await issue(directory, kind, root.subject, ca.privateKey)),
  };
}

async function issue(
  directory: string,
  kind: keyof typeof KEYS,
  issuer: string,
  signingKey: webcrypto.CryptoKey,
): Promise<Omit<CertificateFiles, 'caFile'>> {
  const keys = await generate(kind);
  const certificate = await x509.X509CertificateGenerator.create({
    issuer,
    subject: 'CN=localhost',
    publicKey: keys.publicKey,
    signingKey,
    signingAlgorithm: KEYS[kind],
    ...dates(),
    extensions: [
      new x509.BasicConstraintsExtension(false),
      new x509.SubjectAlternativeNameExtension([
        { type: 'dns', value: 'localhost' },
        { type: 'ip', value: '127.0.0.1' },
      ]),
    ],
  });
  const pkcs8 = await webcrypto.subtle.exportKey('pkcs8', keys.privateKey);
  const keyPem = x509.PemConverter.encode(pkcs8, 'PRIVATE KEY');
  return {
    certFile: await save(directory, `${kind}-cert`, certificate.toString('pem')),
    keyFile: await save(directory, `${kind}-key`, keyPem),
  };
}

function dates(): { readonly notBefore: Date; readonly notAfter: Date } {
  return { notBefore: new Date(Date.now() - DAY_MS), notAfter: new Date(Date.now() + DAY_MS) };
}

async function save(directory: string, name: string, pem: string): Promise<string> {
  const path = join(directory, `${name}.pem`);
  await writeFile(path, `${pem}\n`, { mode: 0o600 });
  return path;
}

function generate(kind: keyof typeof KEYS): Promise<webcrypto.CryptoKeyPair> {
  return webcrypto.subtle.generateKey(KEYS[kind], true, [
    'sign',
    'verify',
  ]) as Promise<webcrypto.CryptoKeyPair>;
}
