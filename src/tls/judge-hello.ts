import type { Profile } from '#crypto';
import { groupById, groupsOf, signatureById } from '#crypto';
import type { AlertName } from './alert.ts';
import { EXTENSION } from './client-hello/extension-types.ts';
import type { ClientHello } from './client-hello/hello.ts';

/** Why a client is sent away on the strength of its hello alone. */
export interface HelloRefusal {
  /** Stable word for metrics and tests. */
  readonly kind:
    'old_protocol' | 'weak_cipher' | 'weak_key_exchange' | 'weak_signature' | 'no_common_protocol';
  readonly reason: string;
  readonly alert: AlertName;
}

const TLS_1_3 = 0x0304;

/**
 * Whether a handshake on this offer could succeed under the profile: `null` when it could. What is
 * refused here OpenSSL would refuse too, but less clearly, and after more work.
 *
 * A refusal for want of strength is `insufficient_security`, any other `handshake_failure`
 * (RFC 8446 §6.2).
 */
export function refusalOfHello(hello: ClientHello, profile: Profile): HelloRefusal | null {
  if (!offersTls13(hello)) return OLD_PROTOCOL;
  if (!shares(hello.cipherSuites, profile.ciphers)) return WEAK_CIPHER;
  const groups = groupsOf(profile);
  if (!shares(hello.supportedGroups, groups)) {
    return { ...WEAK_KEY_EXCHANGE, alert: alertFor(groups, hello.supportedGroups.map(groupById)) };
  }
  if (!shares(hello.signatureAlgorithms, profile.signatures)) {
    const offered = hello.signatureAlgorithms.map(signatureById);
    return { ...WEAK_SIGNATURE, alert: alertFor(profile.signatures, offered) };
  }
  if (hello.alpn.length > 0 && !hello.alpn.includes('http/1.1')) return NO_COMMON_PROTOCOL;
  return null;
}

const OLD_PROTOCOL: HelloRefusal = {
  kind: 'old_protocol',
  reason: 'the client does not speak TLS 1.3',
  alert: 'protocol_version',
};
const WEAK_CIPHER: HelloRefusal = {
  kind: 'weak_cipher',
  reason: 'the client offers no cipher suite that this listener allows',
  alert: 'handshake_failure',
};
const WEAK_KEY_EXCHANGE = {
  kind: 'weak_key_exchange',
  reason: 'the client offers no key-exchange group that this listener allows',
} as const;
const WEAK_SIGNATURE = {
  kind: 'weak_signature',
  reason: 'the client accepts no signature algorithm that this listener can sign with',
} as const;
const NO_COMMON_PROTOCOL: HelloRefusal = {
  kind: 'no_common_protocol',
  reason: 'the client does not speak HTTP/1.1',
  alert: 'no_application_protocol',
};

/** Only the extension offers TLS 1.3, whatever `legacy_version` says (RFC 8446 §4.2.1). */
function offersTls13({ extensions, supportedVersions }: ClientHello): boolean {
  return extensions.includes(EXTENSION.supportedVersions) && supportedVersions.includes(TLS_1_3);
}

type Strength = { readonly quantumSafe: boolean };

/** Where only quantum-safe algorithms are allowed, whoever has none at all is too weak. */
function alertFor(
  allowed: readonly Strength[],
  offered: readonly (Strength | undefined)[],
): AlertName {
  const tooWeak =
    allowed.every((row) => row.quantumSafe) && offered.every((row) => row?.quantumSafe !== true);
  return tooWeak ? 'insufficient_security' : 'handshake_failure';
}

function shares(
  offered: readonly number[],
  allowed: readonly { readonly ianaId: number }[],
): boolean {
  return allowed.some((row) => offered.includes(row.ianaId));
}
