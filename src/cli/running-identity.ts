import type { X509Certificate } from 'node:crypto';
import { signatureOfKey } from '#crypto';
import type { ListenerCertificates } from '#gateway';
import type { OperatorsCertificate } from './ending-certificates.ts';
import { endsSoon } from './ending-certificates.ts';

/** What a running gateway tells of its certificates, as JSON. */
export interface RunningIdentity {
  /** Of the certificates that it makes itself. */
  readonly own: { readonly not_after: string; readonly renewal_due: string };
  readonly listeners: readonly {
    readonly name: string;
    readonly certificates: readonly ShownCertificate[];
  }[];
  /** Servers that are shown certificates from files. */
  readonly servers: readonly {
    readonly name: string;
    readonly certificates: readonly ShownCertificate[];
  }[];
}

/** A certificate that somebody is shown. */
export interface ShownCertificate {
  readonly from: 'gateway' | 'files';
  /** With what its key signs. */
  readonly signature: string;
  readonly names: readonly string[];
  readonly serial: string;
  readonly fingerprint: string;
  readonly not_after: string;
  /** Whether its operator should replace it by now. */
  readonly ends_soon: boolean;
}

/** The certificates in force. */
interface Shown {
  readonly listeners: readonly ListenerCertificates[];
  /** From files, by name of the server. */
  readonly servers: ReadonlyMap<string, readonly X509Certificate[]>;
}

/** Everything that the gateway shows of itself. */
export function runningIdentity({
  own,
  listeners,
  servers,
}: Shown & {
  readonly own: { readonly notAfterMs: number; readonly renewalDueMs: number };
}): RunningIdentity {
  return {
    own: {
      not_after: new Date(own.notAfterMs).toISOString(),
      renewal_due: new Date(own.renewalDueMs).toISOString(),
    },
    listeners: listeners.map(({ listener, fromFiles, credentials }) => ({
      name: listener,
      certificates: credentials.map(({ leaf }) => describe(leaf, fromFiles ? 'files' : 'gateway')),
    })),
    servers: [...servers]
      .filter(([, leaves]) => leaves.length > 0)
      .map(([name, leaves]) => ({
        name,
        certificates: leaves.map((leaf) => describe(leaf, 'files')),
      })),
  };
}

/** The certificates that nobody renews but their operator. */
export function operatorsCertificates({
  listeners,
  servers,
}: Shown): readonly OperatorsCertificate[] {
  return [
    ...listeners
      .filter(({ fromFiles }) => fromFiles)
      .flatMap(({ listener, credentials }) =>
        credentials.map(({ leaf }) => ({ shownBy: 'listener', name: listener, leaf }) as const),
      ),
    ...[...servers].flatMap(([name, leaves]) =>
      leaves.map((leaf) => ({ shownBy: 'egress', name, leaf }) as const),
    ),
  ];
}

function describe(leaf: X509Certificate, from: 'gateway' | 'files'): ShownCertificate {
  return {
    from,
    signature: signatureOfKey(leaf.publicKey)?.name ?? 'unknown',
    names: leaf.subjectAltName?.split(', ') ?? [],
    serial: leaf.serialNumber,
    fingerprint: leaf.fingerprint256,
    not_after: leaf.validToDate.toISOString(),
    ends_soon: from === 'files' && endsSoon(leaf, Date.now()),
  };
}
