import type { Profile, TokenAlgorithm } from '#crypto';
import type { Limits } from '#lib';
import type { Revision } from '#mcp';
import type { NamedFiles } from './named-files.ts';
import type { SecretSource } from './secret.ts';

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
  /** Threads that serve the listeners; with one it is the one that does everything. */
  readonly workers: number;
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
  /** `null` where client certificates alone tell who calls. */
  readonly authorization: ResourceSettings | null;
  /** Of MCP; clients with an older one are refused. */
  readonly minRevision: Revision;
  /** Whether clients may use HTTP+SSE (2024-11-05) too. */
  readonly legacySse: boolean;
}

/** That a listener takes OAuth access tokens. */
export interface ResourceSettings {
  /** Whether callers without a client certificate need one. */
  readonly tokens: 'required' | 'optional';
  /** Origin under which clients reach the listener; `null` for its own name and port. */
  readonly resource: string | null;
  readonly issuers: readonly IssuerSettings[];
  /** `null` says nothing of scopes. */
  readonly scopesSupported: readonly string[] | null;
}

/** An authorization server whose access tokens are taken. */
export interface IssuerSettings {
  readonly name: string;
  /** Exactly as in `iss`. */
  readonly issuer: string;
  /** `null` for the resource that is called. */
  readonly audiences: readonly string[] | null;
  readonly keys:
    | { readonly kind: 'file'; readonly file: string }
    /** `null` for what the issuer's metadata says. */
    | { readonly kind: 'fetched'; readonly url: URL | null };
  readonly algorithms: readonly TokenAlgorithm[];
  readonly principalClaim: string;
  readonly binding: 'none' | 'any' | 'dpop' | 'certificate';
  /** How its metadata and keys are fetched; `null` with http. */
  readonly tls: HttpSettings['tls'];
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
  /** Where it answers: all https, or all http to loopback hosts; without credentials and fragment. */
  readonly urls: readonly [URL, ...URL[]];
  /** Milliseconds; `null` where the gateway's own bounds hold. */
  readonly timeouts: Readonly<Record<'connectMs' | 'idleMs' | 'callMs', number | null>>;
  /** How the endpoints are looked at without a call; `null` for not at all. */
  readonly health: { readonly intervalMs: number; readonly path: string | null } | null;
  /** `null` with http. */
  readonly tls: {
    readonly profile: Profile;
    /** Whom to trust instead of the runtime's authorities; files are read by whoever opens the link. */
    readonly ca: 'system' | { readonly file: string } | null;
    /** Revocation lists; with them a current one of every authority of the server's chain is needed. */
    readonly crlFile: string | null;
    /** Pins of which the server's chain must have one; none admits any. */
    readonly pins: readonly string[];
    /** A classical certificate with which the gateway proves once more who it is. */
    readonly secondCertificate: CertificateFiles | null;
    /** What the gateway shows when it is asked; `gateway` is its own certificate. */
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
  /** How far inside the URL's name may lead. */
  readonly addresses: 'public' | 'private' | 'any';
  /** Where access tokens for it come from; `null` when it has none. */
  readonly authorization: AuthorizationSettings | null;
}

/** How the gateway gets access tokens for a server. */
export interface AuthorizationSettings {
  /** The issuer, as it writes itself, or the token endpoint. */
  readonly at: { readonly issuer: string } | { readonly endpoint: URL };
  readonly clientId: string;
  /** With what the gateway proves that it is the client; `null` for the certificate of the link. */
  readonly proof: { readonly secret: string | SecretSource } | { readonly keyFile: string } | null;
  /** What a token is to be for: parameters `scope`, `resource` and `audience` of requests. */
  readonly wanted: Readonly<Record<string, string>>;
  /** Issuers of callers' tokens that are exchanged; none when the gateway speaks for itself. */
  readonly exchangeFrom: readonly string[];
  /** `null` with http. */
  readonly tls: HttpSettings['tls'];
}
