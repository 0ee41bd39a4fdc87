import type { X509Certificate } from 'node:crypto';
import type { ChainSpec, Holder } from './chains.ts';
import { CA_BUNDLE, CHAINS, filesOf, schemeOfHolder } from './chains.ts';
import { PRIVATE_MODE, PUBLIC_MODE } from './files.ts';
import type { Issuer } from './issue.ts';
import { issueCertificate } from './issue.ts';
import type { KeyPair } from './keys.ts';
import { generateKeys, privatePem } from './keys.ts';
import { LIFETIME_DAYS, validity } from './lifetimes.ts';
import { formatSpiffeId } from './spiffe.ts';

/** What a new identity is made for. */
export interface NewIdentity {
  readonly trustDomain: string;
  /** DNS names and IP addresses of the gateway's certificate. */
  readonly names: readonly string[];
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

/** Makes the keys and certificates of both chains. */
export async function makeIdentityFiles(wanted: NewIdentity): Promise<readonly NewFile[]> {
  const files: NewFile[] = [];
  const roots: string[] = [];
  for (const spec of CHAINS) {
    const root = await make(spec, 'root', wanted, null);
    const issuing = await make(spec, 'issuing', wanted, root);
    const gateway = await make(spec, 'gateway', wanted, issuing);
    files.push(...root.files, ...issuing.files, ...gateway.files);
    roots.push(root.certificate.toString());
  }
  return [...files, { path: CA_BUNDLE, text: roots.join(''), mode: PUBLIC_MODE }];
}

async function make(
  spec: ChainSpec,
  holder: Holder,
  wanted: NewIdentity,
  issuer: Issuer | null,
): Promise<Made> {
  const scheme = schemeOfHolder(spec, holder);
  const keys = generateKeys(scheme);
  const certificate = await issueCertificate(
    {
      role: holder,
      commonName: `Postern ${scheme.name} ${holder}`,
      publicKey: keys.publicKey,
      ...subjectNames(holder, wanted),
      ...validity(wanted.nowMs, LIFETIME_DAYS[holder]),
    },
    issuer ?? { certificate: null, key: keys.privateKey },
  );
  return { certificate, key: keys.privateKey, files: filesFor(spec, holder, certificate, keys) };
}

function subjectNames(
  holder: Holder,
  wanted: NewIdentity,
): { spiffeId: string; names: readonly string[] } {
  if (holder !== 'gateway') return { spiffeId: formatSpiffeId(wanted.trustDomain), names: [] };
  return { spiffeId: formatSpiffeId(wanted.trustDomain, 'gateway'), names: wanted.names };
}

function filesFor(
  spec: ChainSpec,
  holder: Holder,
  certificate: X509Certificate,
  keys: KeyPair,
): readonly NewFile[] {
  const paths = filesOf(spec, holder);
  return [
    { path: paths.key, text: privatePem(keys.privateKey), mode: PRIVATE_MODE },
    { path: paths.certificate, text: certificate.toString(), mode: PUBLIC_MODE },
  ];
}
