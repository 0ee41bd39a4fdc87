/** Certificates for tests, made on the spot. */
import type { JsonGeneralName, X509Certificate } from '@peculiar/x509';
import { X509Certificate as NodeCertificate, webcrypto } from 'node:crypto';

// The library's dependency injection needs the metadata API to be there before it loads.
await import('reflect-metadata');
const {
  BasicConstraintsExtension,
  cryptoProvider,
  SubjectAlternativeNameExtension,
  X509CertificateGenerator,
  X509CrlGenerator,
} = await import('@peculiar/x509');

/** Kinds of key that tests need. */
type KeyKind = 'ML-DSA-65' | 'ML-DSA-87' | 'P-256' | 'RSA';

/** A certificate with its key, PEM. */
export interface Credential {
  readonly certPem: string;
  readonly keyPem: string;
}

/** What a certificate says. */
interface CertificateOptions {
  readonly kind?: KeyKind;
  /** DNS names and IP addresses; both of the loopback when absent. */
  readonly names?: readonly JsonGeneralName[];
  /** From now on, negative for the past. */
  readonly validForMs?: number;
}

/** Issues certificates. */
export interface TestAuthority {
  readonly certPem: string;
  issue(options?: CertificateOptions): Promise<Credential>;
  /** An authority that this one vouches for. */
  subordinate(): Promise<TestAuthority>;
  /** Its revocation list, PEM; `validForMs` from now on, negative for the past. */
  revocationList(revoked: readonly Credential[], validForMs?: number): Promise<string>;
}

const DAY_MS = 86_400_000;
const LOOPBACK: readonly JsonGeneralName[] = [
  { type: 'dns', value: 'localhost' },
  { type: 'ip', value: '127.0.0.1' },
  { type: 'ip', value: '::1' },
];

const ALGORITHMS = {
  'ML-DSA-65': { name: 'ML-DSA-65' },
  'ML-DSA-87': { name: 'ML-DSA-87' },
  'P-256': { name: 'ECDSA', namedCurve: 'P-256', hash: 'SHA-256' },
  RSA: {
    name: 'RSASSA-PKCS1-v1_5',
    hash: 'SHA-256',
    modulusLength: 2048,
    publicExponent: new Uint8Array([1, 0, 1]),
  },
} as const satisfies Record<KeyKind, object>;

cryptoProvider.set(webcrypto);

/** A new authority with a key of the given kind. */
export async function createAuthority(kind: KeyKind = 'ML-DSA-65'): Promise<TestAuthority> {
  const keys = await generateKeys(kind);
  return authority(
    { name: 'CN=Test authority', key: keys.privateKey, kind },
    'CN=Test authority',
    keys,
  );
}

interface Signer {
  readonly name: string;
  readonly key: CryptoKey;
  readonly kind: KeyKind;
}

async function authority(
  issuer: Signer,
  name: string,
  keys: webcrypto.CryptoKeyPair,
): Promise<TestAuthority> {
  const certificate = await X509CertificateGenerator.create({
    issuer: issuer.name,
    subject: name,
    publicKey: keys.publicKey,
    signingKey: issuer.key,
    signingAlgorithm: ALGORITHMS[issuer.kind],
    notBefore: new Date(Date.now() - DAY_MS),
    notAfter: new Date(Date.now() + DAY_MS),
    extensions: [new BasicConstraintsExtension(true, 1, true)],
  });
  const self: Signer = { name, key: keys.privateKey, kind: issuer.kind };
  return {
    certPem: `${certificate.toString('pem')}\n`,
    issue: (options = {}) => issue(name, keys.privateKey, issuer.kind, options),
    subordinate: async () => authority(self, 'CN=Test issuer', await generateKeys(issuer.kind)),
    revocationList: (revoked, validForMs = DAY_MS) => revocationList(self, revoked, validForMs),
  };
}

async function revocationList(
  { name, key, kind }: Signer,
  revoked: readonly Credential[],
  validForMs: number,
): Promise<string> {
  const nextUpdate = Date.now() + validForMs;
  const list = await X509CrlGenerator.create({
    issuer: name,
    thisUpdate: new Date(nextUpdate - 2 * DAY_MS),
    nextUpdate: new Date(nextUpdate),
    entries: revoked.map(({ certPem }) => ({
      serialNumber: new NodeCertificate(certPem).serialNumber,
      revocationDate: new Date(nextUpdate - 2 * DAY_MS),
    })),
    signingKey: key,
    signingAlgorithm: ALGORITHMS[kind],
  });
  return pem('X509 CRL', list.rawData);
}

/** A server certificate with a key of its own for an authority. */
export async function selfSigned(): Promise<Credential> {
  const keys = await generateKeys('P-256');
  const certificate = await X509CertificateGenerator.createSelfSigned({
    name: 'CN=on its own',
    keys,
    notBefore: new Date(Date.now() - DAY_MS),
    notAfter: new Date(Date.now() + DAY_MS),
    signingAlgorithm: ALGORITHMS['P-256'],
    extensions: [new SubjectAlternativeNameExtension([...LOOPBACK])],
  });
  return credentialOf(certificate, keys.privateKey);
}

async function issue(
  issuer: string,
  signingKey: CryptoKey,
  issuerKind: KeyKind,
  options: CertificateOptions,
): Promise<Credential> {
  const { kind = 'ML-DSA-65', names = LOOPBACK, validForMs = DAY_MS } = options;
  const keys = await generateKeys(kind);
  const notAfter = Date.now() + validForMs;
  const certificate = await X509CertificateGenerator.create({
    issuer,
    subject: 'CN=test server',
    publicKey: keys.publicKey,
    signingKey,
    signingAlgorithm: ALGORITHMS[issuerKind],
    notBefore: new Date(notAfter - 2 * DAY_MS),
    notAfter: new Date(notAfter),
    extensions: [
      new BasicConstraintsExtension(false),
      new SubjectAlternativeNameExtension([...names]),
    ],
  });
  return credentialOf(certificate, keys.privateKey);
}

async function credentialOf(certificate: X509Certificate, key: CryptoKey): Promise<Credential> {
  const pkcs8 = await webcrypto.subtle.exportKey('pkcs8', key);
  return { certPem: `${certificate.toString('pem')}\n`, keyPem: pem('PRIVATE KEY', pkcs8) };
}

function generateKeys(kind: KeyKind): Promise<webcrypto.CryptoKeyPair> {
  return webcrypto.subtle.generateKey(ALGORITHMS[kind], true, [
    'sign',
    'verify',
  ]) as Promise<webcrypto.CryptoKeyPair>;
}

function pem(label: string, der: ArrayBuffer): string {
  const lines =
    Buffer.from(der)
      .toString('base64')
      .match(/.{1,64}/g) ?? [];
  return [`-----BEGIN ${label}-----`, ...lines, `-----END ${label}-----`, ''].join('\n');
}
