import { availableParallelism } from 'node:os';
import { resolve } from 'node:path';
import type { Profile } from '#crypto';
import { DEFAULT_PROFILE, profileByName } from '#crypto';
import { OLDEST_REVISION, revisionByName } from '#mcp';
import { toAuthorization } from './to-authorization.ts';
import { ownProfiles } from './profile.ts';
import { programPath } from './program-path.ts';
import type { ConfigOutput } from './schema.ts';
import { splitSecrets } from './secret.ts';
import { toResource } from './to-resource.ts';
import type { ServerOutput } from './server-schema.ts';
import type {
  CertificateFiles,
  HttpSettings,
  ListenerSettings,
  Settings,
  StdioSettings,
  ToolSetSettings,
} from './settings.ts';

/** The checked content of postern.yaml as settings; relative paths start at the directory. */
export function toSettings(config: ConfigOutput, directory: string): Omit<Settings, 'files'> {
  const absolute = (path: string): string => resolve(directory, path);
  const optional = (path: string | undefined): string | null =>
    path === undefined ? null : absolute(path);
  const profiles = ownProfiles(config.profiles);
  const profileOf = (name: string): Profile => {
    const profile = profileByName(name) ?? profiles.find((own) => own.name === name);
    if (profile === undefined) throw new Error(`no profile ${name} behind its name`);
    return profile;
  };
  return {
    stateDir: optional(config.state_dir),
    trustDomain: config.trust_domain,
    sealingKeysFile: optional(config.sealing_keys),
    policyFile: optional(config.policy),
    profiles,
    workers: config.workers === 'auto' ? availableParallelism() : config.workers,
    listeners: config.listeners.map((listener) => toListener(listener, directory, profileOf)),
    admin: config.admin === 'off' ? null : config.admin.address,
    servers: Object.entries(config.servers).map(([name, server]) => ({
      name,
      transport:
        server.kind === 'stdio' ? toStdio(server, directory) : toHttp(server, directory, profileOf),
      alias: server.alias ?? name,
      federated: server.federated,
      era: server.era,
      bridged: server.bridge === 'auto',
    })),
    federation: {
      separator: config.federation.separator,
      sets: Object.entries(config.federation.sets).map(toToolSet),
    },
    audit: config.audit,
    log: config.log,
    limits: config.limits,
  };
}

function toToolSet([name, set]: [
  string,
  ConfigOutput['federation']['sets'][string],
]): ToolSetSettings {
  const { servers = null, tools, prompts, resources } = set;
  const whole = [tools, prompts, resources].every((patterns) => patterns === undefined);
  if (whole) return { name, servers, tools: null, prompts: null, resources: null };
  return { name, servers, tools: tools ?? [], prompts: prompts ?? [], resources: resources ?? [] };
}

type ProfileOf = (name: string) => Profile;

function toListener(
  listener: ConfigOutput['listeners'][number],
  directory: string,
  profileOf: ProfileOf,
): ListenerSettings {
  const absolute = (path: string): string => resolve(directory, path);
  const { tls } = listener;
  return {
    name: listener.name,
    ...listener.address,
    tls:
      tls === 'off'
        ? null
        : {
            profile: profileOf(tls.profile),
            clientCertificates: tls.client_certificates,
            certificates: tls.certificates.flatMap((files) => filesOf(files, absolute) ?? []),
            clientCaFile: tls.client_ca === undefined ? null : absolute(tls.client_ca),
            clientCaNames: tls.client_ca_names,
            clientCrlFile: tls.client_crl === undefined ? null : absolute(tls.client_crl),
            secondProof: tls.second_proof,
          },
    serverNames: listener.server_names,
    allowedOrigins: listener.allowed_origins,
    authorization:
      listener.authorization === undefined
        ? null
        : toResource(listener.authorization, absolute, (tlsOfIssuer) =>
            toTls(tlsOfIssuer, directory, profileOf),
          ),
    minRevision: revisionByName(listener.min_revision) ?? OLDEST_REVISION,
    // HTTP+SSE is a transport of the oldest revision alone.
    legacySse: listener.legacy_sse !== 'off' && listener.min_revision === OLDEST_REVISION.name,
  };
}

function toStdio(
  server: Extract<ServerOutput, { kind: 'stdio' }>,
  directory: string,
): StdioSettings {
  const env = splitSecrets(server.env, directory);
  return {
    kind: 'stdio',
    command: programPath(server.command, directory),
    args: server.args,
    env: env.fixed,
    envSources: env.sources,
    passEnv: server.pass_env,
    cwd: server.cwd === undefined ? null : resolve(directory, server.cwd),
    instances: server.instances,
    confinement: {
      rlimits: {
        memoryBytes: server.rlimits?.memory_bytes ?? null,
        openFiles: server.rlimits?.open_files ?? null,
        processes: server.rlimits?.processes ?? null,
        cpuSeconds: server.rlimits?.cpu_seconds ?? null,
        fileBytes: server.rlimits?.file_bytes ?? null,
      },
      runAs: server.run_as ?? null,
      sandbox: server.sandbox,
      readable: server.readable.map((path) => resolve(directory, path)),
      writable: server.writable.map((path) => resolve(directory, path)),
    },
  };
}

function toHttp(server: RemoteOutput, directory: string, profileOf: ProfileOf): HttpSettings {
  const { kind, tls, timeouts, health, addresses, authorization } = server;
  const [first, ...others] = server.url === undefined ? (server.urls ?? []) : [server.url];
  if (first === undefined) throw new Error('a checked server has a URL');
  const { fixed: headers, sources: headerSources } = splitSecrets(server.headers, directory);
  const toLink = (link: TlsOutput | undefined): HttpTls => toTls(link, directory, profileOf);
  return {
    kind,
    urls: [first, ...others],
    timeouts: {
      connectMs: timeouts?.connect_ms ?? null,
      idleMs: timeouts?.idle_ms ?? null,
      callMs: timeouts?.call_ms ?? null,
    },
    health:
      health === undefined ? null : { intervalMs: health.interval_ms, path: health.path ?? null },
    tls: first.protocol === 'http:' ? null : toLink(tls),
    headers,
    headerSources,
    addresses,
    authorization:
      authorization === undefined ? null : toAuthorization(authorization, first, directory, toLink),
  };
}

function toTls(tls: TlsOutput | undefined, directory: string, profileOf: ProfileOf): HttpTls {
  const absolute = (path: string): string => resolve(directory, path);
  return {
    profile: profileOf(tls?.profile ?? DEFAULT_PROFILE),
    ca: caOf(tls?.ca, absolute),
    crlFile: tls?.crl === undefined ? null : absolute(tls.crl),
    secondCertificate: filesOf(tls?.second_certificate, absolute),
    pins: tls?.pins ?? [],
    clientCertificate: clientCertificateOf(tls?.client_certificate, absolute),
    serverName: tls?.server_name ?? null,
  };
}

type RemoteOutput = Extract<ServerOutput, { kind: 'http' | 'sse' }>;
type TlsOutput = NonNullable<RemoteOutput['tls']>;
type HttpTls = NonNullable<HttpSettings['tls']>;

function caOf(ca: TlsOutput['ca'], absolute: (path: string) => string): HttpTls['ca'] {
  if (ca === undefined) return null;
  return ca === 'system' ? ca : { file: absolute(ca) };
}

function clientCertificateOf(
  given: TlsOutput['client_certificate'],
  absolute: (path: string) => string,
): HttpTls['clientCertificate'] {
  if (given === undefined || given === 'gateway') return given ?? null;
  if ('pkcs12' in given) {
    return {
      pkcs12File: absolute(given.pkcs12),
      passphraseFile: absolute(given.passphrase_file),
    };
  }
  return filesOf(given, absolute);
}

function filesOf(
  files: { certificate: string; key: string } | undefined,
  absolute: (path: string) => string,
): CertificateFiles | null {
  if (files === undefined) return null;
  return { certificateFile: absolute(files.certificate), keyFile: absolute(files.key) };
}
