import { issueCertificate } from './issue.ts';
import { generateKeys, privatePem } from './keys.ts';
import { validity } from './lifetimes.ts';
import type { StoredIdentity } from './load-identity.ts';
import { formatSpiffeId } from './spiffe.ts';

/** What the gateway's own certificates are made for. */
export interface LeafRequest {
  /** DNS names and IP addresses by which clients reach the gateway. */
  readonly names: readonly string[];
  readonly lifetimeMs: number;
  readonly nowMs: number;
}

/** A key of the gateway and its certificate, which no file ever holds. */
export interface GatewayLeaf {
  /** Name of its chain. */
  readonly chain: string;
  /** PKCS#8 PEM. */
  readonly keyPem: string;
  readonly certificatePem: string;
}

/** New keys and certificates of the gateway. */
export interface GatewayLeaves {
  /** The generation of the authorities that issued them. */
  readonly generation: string;
  readonly leaves: readonly GatewayLeaf[];
}

/** Makes a new key and certificate of the gateway for every chain. */
export async function issueLeaves(
  { generation, trustDomain, chains }: StoredIdentity,
  { names, lifetimeMs, nowMs }: LeafRequest,
): Promise<GatewayLeaves> {
  const leaves: GatewayLeaf[] = [];
  for (const { spec, issuing } of chains) {
    const keys = generateKeys(spec.leaf);
    const period = validity(nowMs, lifetimeMs);
    const certificate = await issueCertificate(
      {
        role: 'gateway',
        commonName: `Postern gateway ${spec.leaf.name}`,
        publicKey: keys.publicKey,
        spiffeId: formatSpiffeId(trustDomain, 'gateway'),
        names,
        notBeforeMs: period.notBeforeMs,
        // A certificate that outlives its issuer would be refused in the end.
        notAfterMs: Math.min(period.notAfterMs, issuing.certificate.validToDate.getTime()),
      },
      issuing,
    );
    const keyPem = privatePem(keys.privateKey);
    leaves.push({ chain: spec.name, keyPem, certificatePem: certificate.toString() });
  }
  return { generation, leaves };
}
