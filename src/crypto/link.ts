import type { Cipher } from './ciphers.ts';
import type { Group } from './groups.ts';
import type { SignatureScheme } from './signatures.ts';

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
  /** Keys come from an earlier session's ticket; no certificate was shown in this handshake. */
  readonly resumed: boolean;
  /** The peer's certificate, `null` when it showed none or it did not verify. */
  readonly peer: PeerCertificate | null;
  /** From the first byte of the handshake to its end. */
  readonly handshakeMs: number;
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
    peer_certificate_signature: link.peer?.certificateSignature ?? null,
    peer: link.peer?.spiffeId ?? link.peer?.subject ?? null,
    peer_fingerprint: link.peer?.fingerprint256 ?? null,
    resumed: link.resumed,
    handshake_ms: link.handshakeMs,
  };
}
