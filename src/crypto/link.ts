import type { Cipher } from './ciphers.ts';
import type { Group } from './groups.ts';
import { groupById } from './groups.ts';
import type { Profile } from './profiles.ts';
import { groupsOf } from './profiles.ts';
import type { SignatureScheme } from './signatures.ts';
import { signatureById } from './signatures.ts';

/**
 * How one hop is protected: what its handshake really negotiated, read from the session and never
 * assumed from configuration. It travels with every call, for policy and for the record.
 */
export type LinkSecurity = TlsLink | PlainLink | PipeLink;

/** A TLS hop. */
export interface TlsLink {
  readonly kind: 'tls';
  /** `TLSv1.3`. */
  readonly protocol: string;
  readonly cipher: Cipher;
  readonly group: Group;
  /** With what this gateway proved its identity, `null` when it was not asked to. */
  readonly localSignature: SignatureScheme | null;
  /** With what the peer proved its identity, `null` when it did not. */
  readonly peerSignature: SignatureScheme | null;
  /** With what the peer proved it once more, on this channel; `null` when it did not. */
  readonly secondPeerSignature: SignatureScheme | null;
  /** Keys come from an earlier session's ticket; no certificate was shown in this handshake. */
  readonly resumed: boolean;
  /** The peer's certificate, `null` when it showed none or it did not verify. */
  readonly peer: PeerCertificate | null;
  /** From the first byte of the handshake to its end. */
  readonly handshakeMs: number;
  /** What the client said that it has; `null` on links that this gateway made itself. */
  readonly offer: ClientOffer | null;
  /** Where the peer had nothing quantum-safe although the profile has, and policy let it pass. */
  readonly downgrades: readonly Downgrade[];
}

/** What a client offered in its ClientHello, by IANA code points in its order. Nothing of it is proven. */
export interface ClientOffer {
  /** Fingerprint of the client program. */
  readonly ja4: string;
  readonly versions: readonly number[];
  readonly groups: readonly number[];
  readonly signatures: readonly number[];
}

/** A part of a link that is classical only. */
export type Downgrade = 'key_exchange' | 'local_signature' | 'peer_signature';

/** In which parts a link is classical although its profile has something quantum-safe for them. */
export function downgradesOf(
  profile: Profile,
  link: Pick<TlsLink, 'group' | 'localSignature' | 'peerSignature'>,
): readonly Downgrade[] {
  const { group, localSignature, peerSignature } = link;
  const safeGroups = groupsOf(profile).some((row) => row.quantumSafe);
  const safeSignatures = profile.signatures.some((row) => row.quantumSafe);
  const parts: readonly (readonly [Downgrade, boolean])[] = [
    ['key_exchange', safeGroups && !group.quantumSafe],
    ['local_signature', safeSignatures && localSignature?.quantumSafe === false],
    ['peer_signature', safeSignatures && peerSignature?.quantumSafe === false],
  ];
  return parts.filter(([, downgraded]) => downgraded).map(([part]) => part);
}

/** An unencrypted TCP hop; policy admits it on loopback alone. */
export interface PlainLink {
  readonly kind: 'plain';
  readonly loopback: boolean;
}

/** The standard streams of a child process on this machine. */
export interface PipeLink {
  readonly kind: 'pipe';
}

/** A verified peer certificate. */
export interface PeerCertificate {
  /** Subject as OpenSSL prints it, on one line. */
  readonly subject: string;
  /** SPIFFE id from the URI SAN, `null` when it has none. */
  readonly spiffeId: string | null;
  /** Upper-case hex, as OpenSSL prints it. */
  readonly serialNumber: string;
  /** SHA-256 of the DER, upper-case hex with colons, as OpenSSL prints it. */
  readonly fingerprint256: string;
  /** Algorithm with which the issuer signed it, by X.509 name. */
  readonly certificateSignature: string;
  /** Milliseconds since the epoch. */
  readonly notAfterMs: number;
}

/** Whether a quantum attacker who recorded this hop learns nothing: ML-KEM, or it left no machine. */
export function isQuantumSafe(link: LinkSecurity): boolean {
  switch (link.kind) {
    case 'tls':
      return link.group.quantumSafe;
    case 'plain':
      return link.loopback;
    case 'pipe':
      return true;
  }
}

/**
 * What kind of link it is, for binding to it what must not move to a weaker one: `tls-pq` has a
 * quantum-safe key exchange, `tls-classical` has not.
 */
export function linkClass(link: LinkSecurity): 'pipe' | 'plain' | 'tls-classical' | 'tls-pq' {
  if (link.kind !== 'tls') return link.kind;
  return link.group.quantumSafe ? 'tls-pq' : 'tls-classical';
}

/** A link as JSON, see {@link describeLink}. */
export type LinkDescription = Readonly<Record<string, unknown>>;

const descriptions = new WeakMap<LinkSecurity, LinkDescription>();

/** The link as JSON for records, logs and summaries; names instead of rows. */
export function describeLink(link: LinkSecurity): LinkDescription {
  let description = descriptions.get(link);
  if (description === undefined) {
    description = Object.freeze(describe(link));
    descriptions.set(link, description);
  }
  return description;
}

function describe(link: LinkSecurity): LinkDescription {
  if (link.kind !== 'tls') return { ...link, quantum_safe: isQuantumSafe(link) };
  return {
    kind: link.kind,
    protocol: link.protocol,
    cipher: link.cipher.name,
    group: link.group.name,
    group_id: link.group.ianaId,
    kem: link.group.kem?.name ?? null,
    quantum_safe: link.group.quantumSafe,
    hybrid: link.group.hybrid,
    local_signature: link.localSignature?.name ?? null,
    peer_signature: link.peerSignature?.name ?? null,
    second_peer_signature: link.secondPeerSignature?.name ?? null,
    peer_certificate_signature: link.peer?.certificateSignature ?? null,
    peer: link.peer?.spiffeId ?? link.peer?.subject ?? null,
    peer_fingerprint: link.peer?.fingerprint256 ?? null,
    resumed: link.resumed,
    handshake_ms: link.handshakeMs,
    downgrades: link.downgrades,
    ...(link.offer === null ? {} : { offer: describeOffer(link.offer) }),
  };
}

/** Offers of scanners are long; what a real client has fits by far. */
const MAX_OFFERED = 24;

function describeOffer({ ja4, groups, signatures }: ClientOffer): LinkDescription {
  return {
    ja4,
    groups: groups.slice(0, MAX_OFFERED).map((id) => groupById(id)?.name ?? hexId(id)),
    signatures: signatures.slice(0, MAX_OFFERED).map((id) => signatureById(id)?.name ?? hexId(id)),
  };
}

function hexId(id: number): string {
  return `0x${id.toString(16).padStart(4, '0')}`;
}
