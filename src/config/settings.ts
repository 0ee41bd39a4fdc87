import { resolve } from 'node:path';
import type { Profile } from '#crypto';
import { DEFAULT_PROFILE, profileByName } from '#crypto';
import type { Limits } from '#lib';
import type { Revision } from '#mcp';
import { OLDEST_REVISION, revisionByName } from '#mcp';
import type { NamedFiles } from './named-files.ts';
import { ownProfiles } from './profile.ts';
import { programPath } from './program-path.ts';
import type { ConfigOutput } from './schema.ts';
import type { SecretSource } from './secret.ts';
import { splitSecrets } from './secret.ts';
import type { ServerOutput } from './server-schema.ts';

/** What a gateway runs with: every default filled in, every path absolute. */
export interface Settings {
  /** `null` leaves the choice to the caller. */
  readonly stateDir: string | null;
  /** SPIFFE trust domain. */
  readonly trustDomain: string;
  /** Keys that seal session ids; `null` for the gateway's own. */
  readonly sealingKeysFile: string | null;
  readonly policyFile: string | null;
  /** Those of the deployment's own. */
  readonly profiles: readonly Profile[];
  /** At least one. */
  readonly listeners: readonly ListenerSettings[];
  /** On a loopback address; `null` when there is to be none. */
  readonly admin: { readonly host: string; readonly port: number } | null;
  /** At least one. */
  readonly servers: readonly ServerSettings[];
  readonly federation: FederationSettings;
  readonly audit: { readonly mode: 'durable' | 'async' | 'off' };
  readonly log: {
    readonly level: 'debug' | 'info' | 'warn' | 'error';
    readonly format: 'auto' | 'json' | 'text';
  };
  readonly limits: Limits;
  /** Of the whole configuration, whatever part of it is run. */
  readonly files: NamedFiles;
}

/** A certificate with its authorities, and its key; PEM. */
export interface CertificateFiles {
  readonly certificateFile: string;
  readonly keyFile: string;
}

/** Whether clients may or must prove their identity a second time, with a classical key. */
export type SecondProof = 'off' | 'optional' | 'required';

/** Where clients connect. */
export interface ListenerSettings {
  readonly name: string;
  /** IP address without brackets, or a host name. */
  readonly host: string;
  /** 0 for any free port. */
  readonly port: number;
  /** `null` for plain HTTP, on a loopback address alone. */
  readonly tls: {
    readonly profile: Profile;
    readonly clientCertificates: 'none' | 'optional' | 'required';
    /** Shown instead of the gateway's own; none for those. */
    readonly certificates: readonly CertificateFiles[];
    /** Authorities of clients besides the gateway's own. */
    readonly clientCaFile: string | null;
    /** Patterns of the names that clients of those authorities may have. */
    readonly clientCaNames: readonly string[];
    readonly clientCrlFile: string | null;
    readonly secondProof: SecondProof;
  } | null;
  /** DNS names in lower case and IP addresses. */
  readonly serverNames: readonly string[];
  /** Exact values of browsers' `Origin` header. */
  readonly allowedOrigins: readonly string[];
  /** Of MCP; clients with an older one are refused. */
  readonly minRevision: Revision;
  /** Whether clients may use HTTP+SSE (2024-11-05) too. */
  readonly legacySse: boolean;
}

/** An MCP server behind the gateway. */
export interface ServerSettings {
  readonly name: string;
  readonly transport: StdioSettings | HttpSettings;
  /** Stands for the name behind the endpoint for many servers. */
  readonly alias: string;
  /** Whether the server is behind that endpoint. */
  readonly federated: boolean;
  /** Era of the revisions that it speaks; `auto` to find it out. */
  readonly era: 'auto' | 'stateful' | 'stateless';
  /** Whether clients of the other era are served by translation. */
  readonly bridged: boolean;
}

/** Many servers behind one endpoint. */
export interface FederationSettings {
  /** Between a server's alias and the name of a tool or prompt. */
  readonly separator: string;
  readonly sets: readonly ToolSetSettings[];
}

/** A part of what the endpoint for many servers has; patterns with `*`, `null` where any will do. */
export interface ToolSetSettings {
  readonly name: string;
  readonly servers: readonly string[] | null;
  /** `null` together with the other two; when one of them is given, the others are empty. */
  readonly tools: readonly string[] | null;
  readonly prompts: readonly string[] | null;
  readonly resources: readonly string[] | null;
}

/** A program that speaks MCP over its standard streams. */
export interface StdioSettings {
  readonly kind: 'stdio';
  /** A name to find on the PATH, or an absolute path. */
  readonly command: string;
  readonly args: readonly string[];
  /** The values are secrets. */
  readonly env: Readonly<Record<string, string>>;
  /** Further variables, whose values are found while the gateway runs. */
  readonly envSources: Readonly<Record<string, SecretSource>>;
  /** Names of variables to hand on from the gateway's own environment. */
  readonly passEnv: readonly string[];
  /** `null` for the gateway's own. */
  readonly cwd: string | null;
  /** Whom one process serves. */
  readonly instances: 'session' | 'principal' | 'shared';
  readonly confinement: ConfinementSettings;
}

/** What a program may do, as far as the operating system can enforce it. */
export interface ConfinementSettings {
  /** `null` where the gateway's own bounds hold. */
  readonly rlimits: Readonly<
    Record<'memoryBytes' | 'openFiles' | 'processes' | 'cpuSeconds' | 'fileBytes', number | null>
  >;
  readonly runAs: { readonly uid: number; readonly gid: number } | null;
  readonly sandbox: 'off' | 'no_network' | 'strict';
  /** Files and directories that it may read in the strict sandbox, beyond those of the system. */
  readonly readable: readonly string[];
  /** Directories that it may write there. */
  readonly writable: readonly string[];
}

/** A server that speaks MCP over Streamable HTTP (`http`), or HTTP+SSE (`sse`). */
export interface HttpSettings {
  readonly kind: 'http' | 'sse';
  /** https, or http to a loopback host; without credentials and fragment. */
  readonly url: URL;
  /** `null` with http. */
  readonly tls: {
    readonly profile: Profile;
    /** Whom to trust instead of the runtime's authorities; files are read by whoever opens the link. */
    readonly ca: 'system' | { readonly file: string } | null;
    /** Revocation lists; with them a current one of every authority of the server's chain is needed. */
    readonly crlFile: string | null;
    /** Pins of which the server's chain must have one; none admits any. */
    readonly pins: readonly string[];
    /** What the gateway shows when it is asked; `gateway` is its own certificate. */
    /** A classical certificate with which the gateway proves once more who it is. */
    readonly secondCertificate: CertificateFiles | null;
    readonly clientCertificate:
      | 'gateway'
      | { readonly certificateFile: string; readonly keyFile: string }
      | { readonly pkcs12File: string; readonly passphraseFile: string }
      | null;
    /** Name to ask for and to check instead of the URL's host. */
    readonly serverName: string | null;
  } | null;
  /** The values are secrets. */
  readonly headers: Readonly<Record<string, string>>;
  /** Further headers, whose values are found while the gateway runs. */
  readonly headerSources: Readonly<Record<string, SecretSource>>;
}

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
    listeners: config.listeners.map((listener) => toListener(listener, absolute, profileOf)),
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
  absolute: (path: string) => string,
  profileOf: ProfileOf,
): ListenerSettings {
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
    minRevision: revisionByName(listener.min_revision) ?? OLDEST_REVISION,
    // HTTP+SSE is a transport of the oldest revision alone.
    legacySse: listener.legacy_sse === 'on' && listener.min_revision === OLDEST_REVISION.name,
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
  const { kind, url, tls } = server;
  const { fixed: headers, sources: headerSources } = splitSecrets(server.headers, directory);
  if (url.protocol === 'http:') return { kind, url, tls: null, headers, headerSources };
  const absolute = (path: string): string => resolve(directory, path);
  return {
    kind,
    url,
    tls: {
      profile: profileOf(tls?.profile ?? DEFAULT_PROFILE),
      ca: caOf(tls?.ca, absolute),
      crlFile: tls?.crl === undefined ? null : absolute(tls.crl),
      secondCertificate: filesOf(tls?.second_certificate, absolute),
      pins: tls?.pins ?? [],
      clientCertificate: clientCertificateOf(tls?.client_certificate, absolute),
      serverName: tls?.server_name ?? null,
    },
    headers,
    headerSources,
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
