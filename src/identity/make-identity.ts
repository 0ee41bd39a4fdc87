import type { X509Certificate } from 'node:crypto';
import type { Authority, ChainSpec } from './chains.ts';
import { CA_BUNDLE, CHAINS, filesOf } from './chains.ts';
import { PRIVATE_MODE, PUBLIC_MODE } from './files.ts';
import type { Issuer } from './issue.ts';
import { issueCertificate } from './issue.ts';
import type { KeyPair } from './keys.ts';
import { generateKeys, privatePem } from './keys.ts';
import { AUTHORITY_LIFETIME_MS, validity } from './lifetimes.ts';
import { formatSpiffeId } from './spiffe.ts';

/** What new authorities are made for. */
export interface NewIdentity {
  readonly trustDomain: string;
  readonly nowMs: number;
}

/** One file of a new identity. */
export interface NewFile {
  /** Relative to the identity directory. */
  readonly path: string;
  readonly text: string;
  readonly mode: number;
}

interface Made extends Issuer {
  readonly certificate: X509Certificate;
  readonly files: readonly NewFile[];
}

/** Makes the keys and certificates of the authorities of every chain. */
export async function makeIdentityFiles(wanted: NewIdentity): Promise<readonly NewFile[]> {
  const files: NewFile[] = [];
  const roots: string[] = [];
  for (const spec of CHAINS) {
    const root = await make(spec, 'root', wanted, null);
    const issuing = await make(spec, 'issuing', wanted, root);
    files.push(...root.files, ...issuing.files);
    roots.push(root.certificate.toString());
  }
  return [...files, { path: CA_BUNDLE, text: roots.join(''), mode: PUBLIC_MODE }];
}

async function make(
  spec: ChainSpec,
  authority: Authority,
  wanted: NewIdentity,
  issuer: Issuer | null,
): Promise<Made> {
  const scheme = spec[authority];
  const keys = generateKeys(scheme);
  const certificate = await issueCertificate(
    {
      role: authority,
      commonName: `Postern ${spec.name} ${authority} ${scheme.name}`,
      publicKey: keys.publicKey,
      spiffeId: formatSpiffeId(wanted.trustDomain),
      names: [],
      ...validity(wanted.nowMs, AUTHORITY_LIFETIME_MS[authority]),
    },
    issuer ?? { certificate: null, key: keys.privateKey },
  );
  return { certificate, key: keys.privateKey, files: filesFor(spec, authority, certificate, keys) };
}

function filesFor(
  spec: ChainSpec,
  authority: Authority,
  certificate: X509Certificate,
  keys: KeyPair,
): readonly NewFile[] {
  const paths = filesOf(spec, authority);
  return [
    { path: paths.key, text: privatePem(keys.privateKey), mode: PRIVATE_MODE },
    { path: paths.certificate, text: certificate.toString(), mode: PUBLIC_MODE },
  ];
}
