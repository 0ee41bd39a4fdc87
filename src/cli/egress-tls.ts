import type { X509Certificate } from 'node:crypto';
import { getCACertificates } from 'node:tls';
import type { HttpSettings } from '#config';
import type { GatewayIdentity } from '#identity';
import type { EventSink } from '#lib';
import { messageOf, watchFiles } from '#lib';
import type { Policy } from '#policy';
import { profileUnder } from '#policy';
import type { HttpUpstreamTls } from '#transport';
import type { FollowEvents, FollowedFiles, PemCredential } from './link-files.ts';
import {
  authorityFile,
  credentialFiles,
  leafOf,
  proofFiles,
  revocationFile,
} from './link-files.ts';

type TlsSettings = NonNullable<HttpSettings['tls']>;
type ClientCredential = NonNullable<HttpUpstreamTls['clientCredential']>;

/** What is in force when a link is made. */
export interface InForce {
  readonly policy: () => Policy;
  /** `null` where there is no gateway, such as in `postern check`. */
  readonly identity: () => GatewayIdentity | null;
}

/** How links to one server are made, from its settings and the files that they name. */
export interface EgressTls {
  /** The same object while nothing changes: making a TLS context of it costs milliseconds. */
  readonly current: () => HttpUpstreamTls;
  /**
   * Reads the files again whenever they change. What cannot be used is alerted and leaves in force
   * what was; the next change may mend it.
   *
   * @param onReload called when new links are made otherwise than the open ones were.
   * @returns what ends this.
   */
  readonly watch: (onReload: () => void) => () => void;
  /** The certificates from files that the server is shown, as far as there are any. */
  readonly leaves: () => readonly X509Certificate[];
}

/**
 * Reads the files of a server's link.
 *
 * @throws LinkFileInvalid when a file cannot be read, or does not hold what it should.
 */
export async function openEgressTls(
  server: string,
  settings: TlsSettings,
  inForce: InForce,
  events: EventSink,
): Promise<EgressTls> {
  let onReload = (): void => undefined;
  const tell = tellerOf(server, events, () => onReload());
  const files = filesOf(settings, tell);
  const parts = [files.ca, files.crls, files.credential, files.second].filter(
    (part) => part !== null,
  );
  await Promise.all(parts.map(({ kept }) => kept.start()));
  return {
    current: compose(settings, files, inForce),
    leaves: () =>
      [files.credential, files.second].flatMap((own) => (own === null ? [] : leafOf(valueOf(own)))),
    watch: (callback) => {
      onReload = callback;
      const paths = parts.flatMap((part) => part.paths);
      if (paths.length === 0) return () => undefined;
      return watchFiles(paths, {
        look: () => {
          for (const { kept } of parts) void kept.refresh();
        },
        onUnwatched: (thrown) => tellUnwatched(server, thrown, events),
      });
    },
  };
}

interface ServerFiles {
  readonly ca: FollowedFiles<string> | null;
  readonly crls: FollowedFiles<readonly string[]> | null;
  readonly second: FollowedFiles<PemCredential> | null;
  readonly credential: FollowedFiles<ClientCredential> | null;
}

function filesOf(
  { ca, crlFile, clientCertificate, secondCertificate }: TlsSettings,
  tell: FollowEvents,
): ServerFiles {
  const ownFiles = clientCertificate === 'gateway' ? null : clientCertificate;
  return {
    ca: typeof ca === 'object' && ca !== null ? authorityFile(ca.file, tell) : null,
    crls: crlFile === null ? null : revocationFile(crlFile, tell),
    second: secondCertificate === null ? null : proofFiles(secondCertificate, tell),
    credential: ownFiles === null ? null : credentialFiles(ownFiles, tell),
  };
}

function compose(
  { profile, ca, serverName, pins, clientCertificate }: TlsSettings,
  files: ServerFiles,
  inForce: InForce,
): () => HttpUpstreamTls {
  const systemPem = ca === 'system' ? getCACertificates('system').join('\n') : null;
  const parts = () => ({
    policy: inForce.policy(),
    identity: inForce.identity(),
    caPem: files.ca === null ? systemPem : valueOf(files.ca),
    crls: files.crls === null ? NO_LISTS : valueOf(files.crls),
    second: files.second === null ? null : valueOf(files.second),
    own: files.credential === null ? null : valueOf(files.credential),
  });
  let made: { from: ReturnType<typeof parts>; tls: HttpUpstreamTls } | null = null;
  return () => {
    const from = parts();
    if (made !== null && isSame(made.from, from)) return made.tls;
    const { policy, identity, caPem, crls, own, second } = from;
    const clientCredential = clientCertificate === 'gateway' ? gatewayCredential(identity) : own;
    const tls: HttpUpstreamTls = {
      profile: profileUnder(policy.links, profile),
      caPem,
      crls,
      serverName,
      pins,
      ...(clientCredential === null ? {} : { clientCredential }),
      ...(second === null ? {} : { secondCredential: second }),
    };
    made = { from, tls };
    return tls;
  };
}

/** Files are read before any link is made; without them there must be none. */
function valueOf<T>({ kept, paths }: FollowedFiles<T>): T {
  if (kept.value === null) throw new Error(`${paths.join()} was never read`);
  return kept.value;
}

const NO_LISTS: readonly string[] = [];

function isSame<T extends object>(one: T, other: T): boolean {
  return Object.entries(one).every(([key, value]) => other[key as keyof T] === value);
}

/** The first one, ML-DSA: who asks the gateway for a certificate of its own can verify it. */
function gatewayCredential(identity: GatewayIdentity | null): ClientCredential | null {
  const [first] = identity?.credentials ?? [];
  return first === undefined ? null : { chainPem: first.chainPem, keyPem: first.keyPem };
}

function tellerOf(server: string, events: EventSink, onReload: () => void): FollowEvents {
  return {
    onChange: (files) => {
      events({
        severity: 'info',
        name: 'egress.files_reloaded',
        message: `new links to ${server} use the changed files`,
        fields: { upstream: server, files },
      });
      onReload();
    },
    onTrouble: (files, thrown) => {
      events({
        severity: 'alert',
        name: 'egress.files_unusable',
        message: `changed files for links to ${server} cannot be used: what they held before stays in force`,
        fields: { upstream: server, files, why: messageOf(thrown) },
      });
    },
  };
}

function tellUnwatched(server: string, thrown: unknown, events: EventSink): void {
  events({
    severity: 'warn',
    name: 'egress.files_not_watched',
    message: `files for links to ${server} cannot be watched: changes are noticed after a few seconds`,
    fields: { upstream: server, why: messageOf(thrown) },
  });
}
