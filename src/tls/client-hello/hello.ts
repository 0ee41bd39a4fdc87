import { readCodePoints } from './code-points.ts';
import type { Findings } from './cursor.ts';
import { Cursor } from './cursor.ts';
import { readExtensions } from './extensions.ts';

/** `Random random` (RFC 8446 §4.1.2). */
const RANDOM_BYTES = 32;
/** `opaque legacy_session_id<0..32>`. */
const MAX_SESSION_ID = 32;

/**
 * What a client offers, as it says in its ClientHello (RFC 8446 §4.1.2; RFC 5246 §7.4.1.2 for those
 * before TLS 1.3). Code points are IANA's, lists are in the order sent, and a list whose extension
 * is absent is empty. GREASE values (RFC 8701) are left out everywhere.
 *
 * All of it is a claim of somebody who is not authenticated yet.
 */
export interface ClientHello {
  /** `legacy_version`: 0x0303 in TLS 1.2 and 1.3. */
  readonly legacyVersion: number;
  /**
   * Of the extension. Without it `legacyVersion` alone, the highest version that the client speaks:
   * a server answers with TLS 1.2 or older then, whatever the number (RFC 8446 §4.2.1).
   */
  readonly supportedVersions: readonly number[];
  readonly cipherSuites: readonly number[];
  readonly supportedGroups: readonly number[];
  /** The groups for which the client already sent a share; a server can use these in one trip. */
  readonly keyShareGroups: readonly number[];
  readonly signatureAlgorithms: readonly number[];
  /** Of `signature_algorithms_cert`; `null` when absent: `signatureAlgorithms` then holds for both. */
  readonly certificateSignatureAlgorithms: readonly number[] | null;
  /** Protocol names (RFC 7301), one character for each byte: any bytes may be in them. */
  readonly alpn: readonly string[];
  /** The host name of `server_name` (RFC 6066 §3) as sent: visible ASCII, at most 255 characters. */
  readonly serverName: string | null;
  /** The types of all extensions. */
  readonly extensions: readonly number[];
  readonly hasPreSharedKey: boolean;
  readonly hasEarlyData: boolean;
  /** What this hello says may then differ from the hidden one's (RFC 9849). */
  readonly hasEncryptedClientHello: boolean;
  /** Bytes of `legacy_session_id`. */
  readonly sessionIdLength: number;
  /** A GREASE value was among what is listed here. */
  readonly greasePresent: boolean;
}

/** The hello that was read. */
export interface CompleteHello {
  readonly kind: 'complete';
  readonly hello: ClientHello;
}

/** TLS, but no hello that can be understood. */
export interface UnreadableHello {
  readonly kind: 'unreadable';
  /** A few words for the log, without any of the client's bytes. */
  readonly reason: string;
}

/** Reads the body of a ClientHello message, its handshake header taken off. Throws nothing. */
export function readClientHello(body: Buffer): CompleteHello | UnreadableHello {
  const findings: Findings = { problem: null, grease: false };
  const hello = readBody(new Cursor(body, findings), findings);
  const { problem } = findings;
  return problem === null ? { kind: 'complete', hello } : { kind: 'unreadable', reason: problem };
}

function readBody(body: Cursor, findings: Findings): ClientHello {
  const legacyVersion = body.u16('legacy_version');
  body.skip(RANDOM_BYTES, 'random');
  const sessionIdLength = body.vector8('legacy_session_id').length;
  if (sessionIdLength > MAX_SESSION_ID) body.fail('legacy_session_id is too long');
  const cipherSuites = readCodePoints(body.vector16('cipher_suites'), 'cipher_suites');
  const compression = body.vector8('legacy_compression_methods');
  if (compression.length === 0) body.fail('legacy_compression_methods is empty');
  // Before TLS 1.3 a hello may end here (RFC 5246 §7.4.1.2).
  const block = body.hasMore() ? body.vector16('the extensions block') : body;
  const { types, supportedVersions, ...fields } = readExtensions(block);
  body.finish('the hello');
  return {
    legacyVersion,
    supportedVersions: supportedVersions ?? [legacyVersion],
    cipherSuites,
    ...fields,
    extensions: types,
    sessionIdLength,
    greasePresent: findings.grease,
  };
}
