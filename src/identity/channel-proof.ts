/**
 * A second, classical proof of identity on a channel whose first proof is an ML-DSA certificate: two
 * independent proofs, so that who breaks one kind of signature is still not believed. It is bound to
 * the channel by `tls-exporter` (RFC 9266), so it is worth nothing on any other.
 */
import type { KeyObject } from 'node:crypto';
import { createPrivateKey, sign, verify, X509Certificate } from 'node:crypto';
import type { PeerCertificate, SignatureScheme } from '#crypto';
import { signatureOfKey } from '#crypto';
import { messageOf } from '#lib';
import { ChannelProofInvalid } from './errors.ts';
import { isIssuedBy } from './issued-by.ts';
import { describePeer } from './peer.ts';
import { certificatesIn } from './pem.ts';
import { spiffeIdOfCertificate } from './spiffe.ts';

/** Part of a TLS socket that can tell a value which both ends of this channel, and nobody else, know. */
export interface Channel {
  exportKeyingMaterial(length: number, label: string, context: Buffer): Buffer;
}

/** With what the second proof is given. */
export interface ProofCredential {
  /** PKCS#8 PEM of a classical key. */
  readonly keyPem: string;
  /** PEM of its certificate, then of the issuing CA. */
  readonly chainPem: string;
}

/** Whose proof is accepted. */
export interface ProofExpectation {
  /** PEM of the roots that may be behind it. */
  readonly rootsPem: string;
  /** Of the certificate that the channel itself was made with. */
  readonly spiffeId: string | null;
  readonly nowMs: number;
}

/** Name of the header that carries a proof, as a Dictionary of Byte Sequences (RFC 9651). */
export const CHANNEL_PROOF_HEADER = 'postern-channel-proof';

const MAX_FIELD_CHARACTERS = 16_384;
const BINDING_BYTES = 32;
const CLIENT_AUTH = '1.3.6.1.5.5.7.3.2';

/** As TLS 1.3 signs (RFC 8446 §4.4.3): no signature of another protocol can be taken for this one. */
const PREFIX = Buffer.from(`${' '.repeat(64)}Postern channel proof, client\0`);

/**
 * The header's value that proves a classical identity on this channel.
 *
 * @throws ChannelProofInvalid when the key is none that can.
 */
export function proveChannel(channel: Channel, { keyPem, chainPem }: ProofCredential): string {
  const key = createPrivateKey(keyPem);
  const [certificate, issuer] = certificatesIn(chainPem);
  if (certificate === undefined || issuer === undefined) {
    throw new ChannelProofInvalid('the chain has no issuing CA');
  }
  const signature = sign(digestFor(key), signedBy(channel), key);
  const fields = { cert: certificate.raw, issuer: issuer.raw, sig: signature };
  return Object.entries(fields)
    .map(([name, bytes]) => `${name}=:${bytes.toString('base64')}:`)
    .join(', ');
}

/** Whether a private key, PKCS#8 PEM, is of a kind that gives a second proof. */
export function canProveChannel(keyPem: string): boolean {
  return digestOf(createPrivateKey(keyPem)) !== undefined;
}

/** What a second proof has proven. */
export interface ChannelProof {
  readonly scheme: SignatureScheme;
  /** The certificate with it, which may have been revoked. */
  readonly peer: PeerCertificate;
}

/**
 * Verifies a proof.
 *
 * @throws ChannelProofInvalid when any of it is not as it has to be.
 */
export function verifyChannelProof(
  field: string,
  channel: Channel,
  expected: ProofExpectation,
): ChannelProof {
  const { certificate, issuer, signature } = read(field);
  verifyChain(certificate, issuer, expected);
  const spiffeId = spiffeIdOfCertificate(certificate);
  if (spiffeId === null || spiffeId !== expected.spiffeId) {
    throw new ChannelProofInvalid('the second certificate is not of the same identity');
  }
  const key = certificate.publicKey;
  if (!verify(digestFor(key), signedBy(channel), key, signature)) {
    throw new ChannelProofInvalid('the signature is not of this channel');
  }
  const scheme = signatureOfKey(key) ?? fail('the key is of an unknown kind');
  return { scheme, peer: describePeer(certificate) };
}

const FIELD =
  /^cert=:([A-Za-z0-9+/]+={0,2}):, issuer=:([A-Za-z0-9+/]+={0,2}):, sig=:([A-Za-z0-9+/]+={0,2}):$/;

function read(field: string) {
  const [, cert = '', issuer = '', sig = ''] =
    (field.length <= MAX_FIELD_CHARACTERS && FIELD.exec(field)) || fail('the header is malformed');
  try {
    return {
      certificate: new X509Certificate(Buffer.from(cert, 'base64')),
      issuer: new X509Certificate(Buffer.from(issuer, 'base64')),
      signature: Buffer.from(sig, 'base64'),
    };
  } catch (cause) {
    throw new ChannelProofInvalid(`a certificate cannot be read: ${messageOf(cause)}`, { cause });
  }
}

/** Leaf, issuing CA, root: the one shape of a chain that gateways issue. */
function verifyChain(
  certificate: X509Certificate,
  issuer: X509Certificate,
  { rootsPem, nowMs }: ProofExpectation,
): void {
  const root = certificatesIn(rootsPem).find((each) => isIssuedBy(issuer, each));
  if (root === undefined) fail('its authority is not trusted');
  if (!isIssuedBy(certificate, issuer)) fail('its certificate was not signed by that authority');
  if (!issuer.ca || certificate.ca) fail('a certificate has the wrong kind');
  // Undefined without that extension, whatever the type says.
  const usages = certificate.keyUsage as readonly string[] | undefined;
  if (!(usages ?? []).includes(CLIENT_AUTH)) fail('it is no client certificate');
  const outOfDate = [certificate, issuer, root].some(
    ({ validFromDate, validToDate }) =>
      nowMs < validFromDate.getTime() || nowMs > validToDate.getTime(),
  );
  if (outOfDate) fail('a certificate is out of date');
}

/** RFC 9266 §4.2: an empty context. */
function signedBy(channel: Channel): Buffer {
  const binding = channel.exportKeyingMaterial(
    BINDING_BYTES,
    'EXPORTER-Channel-Binding',
    Buffer.alloc(0),
  );
  return Buffer.concat([PREFIX, binding]);
}

function digestFor(key: KeyObject): string | null {
  const digest = digestOf(key);
  return digest === undefined ? fail('the key is neither ECDSA nor Ed25519') : digest;
}

/** Of classical keys alone: a second ML-DSA signature would be the same kind of proof again. */
function digestOf(key: KeyObject): string | null | undefined {
  const name = signatureOfKey(key)?.name ?? '';
  if (name === 'Ed25519') return null;
  const size = /^ECDSA-P\d+-SHA(\d+)$/.exec(name)?.[1];
  return size === undefined ? undefined : `sha${size}`;
}

function fail(reason: string): never {
  throw new ChannelProofInvalid(reason);
}
