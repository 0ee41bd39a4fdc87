import type { KeyObject, X509Certificate } from 'node:crypto';
import type { ConnectionOptions, TLSSocket } from 'node:tls';
import { connect, DEFAULT_CIPHERS } from 'node:tls';
import type { Profile } from '#crypto';
import { groupByName, groupsOf, probeRuntime, signatureOfKey, tlsOptionsOf } from '#crypto';
import { addressOf } from './address.ts';
import { pinOf } from './pins.ts';
import type { Whereabouts } from './route.ts';
import { routeTo } from './route.ts';

/** What a server shows to anybody who connects. Nothing of it is verified. */
export interface ServerShowing {
  /** `TLSv1.3`. */
  readonly protocol: string;
  /** Key exchange; `null` when it cannot be told. */
  readonly group: string | null;
  readonly certificate: ShownCertificate | null;
  /** Where the profile does not allow what the server chose, one sentence each. */
  readonly conflicts: readonly string[];
}

/** The server's own certificate, in the server's words: texts for people, cut to a bearable length. */
export interface ShownCertificate {
  readonly subject: string;
  readonly issuer: string;
  readonly names: string;
  /** Milliseconds since the epoch. */
  readonly notBeforeMs: number;
  readonly notAfterMs: number;
  /** `ML-DSA-65`, or what OpenSSL calls it. */
  readonly key: string;
  /** SHA-256 of the DER, upper-case hex with colons. */
  readonly fingerprint256: string;
  /** See `pinOf`. */
  readonly pin: string;
}

/** Whom to look at, and what it should have shown. */
export interface InspectOptions extends Whereabouts {
  /** Name to ask for instead of the URL's host. */
  readonly serverName: string | null;
  /** What the link may use. */
  readonly profile: Profile;
  readonly timeoutMs: number;
}

/** Certificates of real servers have up to some hundred names. */
const MAX_TEXT_CHARS = 1000;

/**
 * Looks at what an https: server shows, for somebody who wants to know why its link was refused:
 * verifies nothing, shows no certificate, sends no byte of HTTP, and hangs up. A server that cannot
 * agree with the profile is offered more, a little at a time, so that it shows what it lacks.
 *
 * @returns `null` when the server finishes no handshake at all.
 */
export async function inspectServer(options: InspectOptions): Promise<ServerShowing | null> {
  const { profile, timeoutMs } = options;
  const deadline = AbortSignal.timeout(timeoutMs);
  for (const offer of offersFor(profile)) {
    const socket = await shakeHands(options, offer, deadline);
    if (socket !== null) return read(socket, profile);
  }
  return null;
}

/** What the profile allows, then more of one kind, at last anything that the runtime has. */
function offersFor(profile: Profile): readonly ConnectionOptions[] {
  const { sigalgs: _, ...anySignature } = tlsOptionsOf(profile);
  const { ecdhCurve } = tlsOptionsOf(withEveryGroup(profile));
  return [
    tlsOptionsOf(profile),
    { ...tlsOptionsOf(profile), ecdhCurve },
    anySignature,
    { ecdhCurve, ciphers: DEFAULT_CIPHERS, minVersion: 'TLSv1.2' },
  ];
}

function withEveryGroup(profile: Profile): Profile {
  const known = new Set(groupsOf(profile));
  const others = probeRuntime()
    .groups.filter(({ available, group }) => available && !known.has(group))
    .map(({ group }) => group);
  return { ...profile, groupTiers: [...profile.groupTiers, others] };
}

/** Resolves with the socket of a finished handshake, or `null`. */
function shakeHands(
  options: InspectOptions,
  offer: ConnectionOptions,
  deadline: AbortSignal,
): Promise<TLSSocket | null> {
  const { name } = addressOf(options.url, options.serverName);
  const route = routeTo(options)();
  return new Promise((resolve) => {
    if (deadline.aborted) return resolve(null);
    const socket = connect({
      ...offer,
      ...route,
      rejectUnauthorized: false,
      ALPNProtocols: ['http/1.1'],
      ...(name === null ? {} : { servername: name }),
    });
    const giveUp = (): unknown => socket.destroy();
    const over = (result: TLSSocket | null) => (): void => {
      deadline.removeEventListener('abort', giveUp);
      resolve(result);
    };
    deadline.addEventListener('abort', giveUp);
    socket.on('error', () => undefined);
    socket.once('close', over(null));
    socket.once('secureConnect', over(socket));
  });
}

function read(socket: TLSSocket, profile: Profile): ServerShowing {
  const certificate = socket.getPeerX509Certificate() ?? null;
  const group = groupNameOf(socket);
  const protocol = socket.getProtocol() ?? 'unknown';
  socket.destroy();
  const key = certificate === null ? null : keyName(certificate.publicKey);
  return {
    protocol,
    group,
    certificate: certificate === null ? null : describe(certificate),
    conflicts: conflictsOf(profile, protocol, group, key),
  };
}

function groupNameOf(socket: TLSSocket): string | null {
  const info = socket.getEphemeralKeyInfo();
  const name = info !== null && 'name' in info ? info.name : undefined;
  return typeof name === 'string' ? (groupByName(name)?.name ?? name) : null;
}

function conflictsOf(
  profile: Profile,
  protocol: string,
  group: string | null,
  key: string | null,
): readonly string[] {
  const groups = groupsOf(profile).map((row) => row.name);
  const signatures = profile.signatures.map((row) => row.name);
  const allows = (names: readonly string[]): string =>
    `profile ${profile.name} allows ${names.join(', ')}`;
  return [
    ...(protocol === 'TLSv1.3' ? [] : [`it speaks ${protocol}; every profile needs TLSv1.3`]),
    ...(group === null || groups.includes(group)
      ? []
      : [`its key exchange is ${group}; ${allows(groups)}`]),
    ...(key === null || signatures.includes(key)
      ? []
      : [`its certificate has a key for ${key}; ${allows(signatures)}`]),
  ];
}

function describe(certificate: X509Certificate): ShownCertificate {
  return {
    subject: oneLine(certificate.subject),
    issuer: oneLine(certificate.issuer),
    names: oneLine(certificate.subjectAltName),
    notBeforeMs: certificate.validFromDate.getTime(),
    notAfterMs: certificate.validToDate.getTime(),
    key: keyName(certificate.publicKey),
    fingerprint256: certificate.fingerprint256,
    pin: pinOf(certificate),
  };
}

/** Names of the registry where it has one, so that they compare with a profile's. */
function keyName(key: KeyObject): string {
  const { asymmetricKeyType = 'unknown', asymmetricKeyDetails } = key;
  const known = signatureOfKey(key)?.name;
  const curve = asymmetricKeyDetails?.namedCurve;
  return known ?? (curve === undefined ? asymmetricKeyType : `${asymmetricKeyType} ${curve}`);
}

/** OpenSSL puts each part of a name on a line of its own. */
function oneLine(text: string | undefined): string {
  const line = (text ?? 'none').replaceAll('\n', ', ');
  return line.length > MAX_TEXT_CHARS ? `${line.slice(0, MAX_TEXT_CHARS).toWellFormed()}…` : line;
}
