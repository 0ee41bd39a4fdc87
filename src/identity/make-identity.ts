import { randomBytes } from 'node:crypto';
import { join } from 'node:path';
import type { Authorities, AuthorityChain, AuthorityPair } from './authorities.ts';
import { bundleOf, generationFiles } from './authorities.ts';
import type { Authority, ChainSpec } from './chains.ts';
import { CHAINS } from './chains.ts';
import { PUBLIC_MODE } from './files.ts';
import { newGeneration } from './generations.ts';
import { issueCertificate } from './issue.ts';
import { generateKeys } from './keys.ts';
import { CA_BUNDLE, CURRENT } from './layout.ts';
import { AUTHORITY_LIFETIME_MS, validity } from './lifetimes.ts';
import { formatSpiffeId } from './spiffe.ts';
import type { NewFile } from './tree.ts';

/** What new authorities are made for. */
export interface NewIdentity {
  readonly trustDomain: string;
  readonly nowMs: number;
}

/** Makes the files of a new identity, with paths relative to the identity directory. */
export async function makeIdentityFiles(wanted: NewIdentity): Promise<readonly NewFile[]> {
  const authorities = await makeAuthorities(wanted);
  const generation = newGeneration();
  const files = generationFiles(authorities).map(({ path, text, mode }) => ({
    path: join(generation, path),
    text,
    mode,
  }));
  return [
    ...files,
    { path: CURRENT, text: `${generation}\n`, mode: PUBLIC_MODE },
    { path: CA_BUNDLE, text: bundleOf(authorities), mode: PUBLIC_MODE },
  ];
}

/** Makes the keys and certificates of the authorities of every chain. */
export async function makeAuthorities(wanted: NewIdentity): Promise<Authorities> {
  const chains: AuthorityChain[] = [];
  for (const spec of CHAINS) {
    const root = await makeRoot(spec, wanted);
    const issuing = await makeIssuing(spec, wanted, root);
    chains.push({ spec, root, issuing, cross: null });
  }
  return { trustDomain: wanted.trustDomain, chains, previousRoots: [] };
}

/** Makes a root of a chain. */
export function makeRoot(spec: ChainSpec, wanted: NewIdentity): Promise<AuthorityPair> {
  return make(spec, 'root', wanted, null);
}

/** Makes an issuing CA of a chain, which ends with its root at the latest. */
export function makeIssuing(
  spec: ChainSpec,
  wanted: NewIdentity,
  root: AuthorityPair,
): Promise<AuthorityPair> {
  return make(spec, 'issuing', wanted, root);
}

/**
 * Certifies the name and key of a new root by the root before it, so that whoever knows that one
 * alone gets to a root (RFC 4210 §4.4, "new with old").
 */
export async function certifyAcross(
  trustDomain: string,
  newRoot: AuthorityPair,
  oldRoot: AuthorityPair,
): Promise<AuthorityPair['certificate']> {
  const { certificate } = newRoot;
  const ends = [certificate, oldRoot.certificate].map(({ validToDate }) => validToDate.getTime());
  return issueCertificate(
    {
      role: 'cross',
      commonName: commonNameOf(certificate),
      publicKey: certificate.publicKey,
      spiffeId: formatSpiffeId(trustDomain),
      names: [],
      notBeforeMs: certificate.validFromDate.getTime(),
      notAfterMs: Math.min(...ends),
    },
    oldRoot,
  );
}

async function make(
  spec: ChainSpec,
  authority: Authority,
  wanted: NewIdentity,
  issuer: AuthorityPair | null,
): Promise<AuthorityPair> {
  const scheme = spec[authority];
  const { publicKey, privateKey } = generateKeys(scheme);
  const period = validity(wanted.nowMs, AUTHORITY_LIFETIME_MS[authority]);
  const certificate = await issueCertificate(
    {
      role: authority,
      // Authorities of different generations have to differ by name: verifiers look issuers, and the
      // revocation lists of issuers, up by it.
      commonName: `Postern ${spec.name} ${authority} ${scheme.name} ${randomBytes(4).toString('hex')}`,
      publicKey,
      spiffeId: formatSpiffeId(wanted.trustDomain),
      names: [],
      notBeforeMs: period.notBeforeMs,
      notAfterMs: Math.min(
        period.notAfterMs,
        issuer?.certificate.validToDate.getTime() ?? Number.POSITIVE_INFINITY,
      ),
    },
    issuer ?? { certificate: null, key: privateKey },
  );
  return { certificate, key: privateKey };
}

function commonNameOf({ subject }: AuthorityPair['certificate']): string {
  const name = /^CN=(.+)$/m.exec(subject)?.[1];
  if (name === undefined) throw new Error('a root has no common name');
  return name;
}
