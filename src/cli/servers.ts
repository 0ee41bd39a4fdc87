import { randomBytes } from 'node:crypto';
import type { X509Certificate } from 'node:crypto';
import { delimiter, isAbsolute, resolve } from 'node:path';
import { createBridge } from '#bridge';
import type { SecretSource, ServerSettings, Settings, StdioSettings } from '#config';
import type { Sealer } from '#crypto';
import { createSealer, SEALING_KEY_BYTES } from '#crypto';
import type { EventSink } from '#lib';
import { linkRefusal } from '#policy';
import type { Confinement, Guardian, Upstream } from '#transport';
import {
  createHttpUpstream,
  createSseUpstream,
  createStdioUpstream,
  Credentials,
} from '#transport';
import type { InForce } from './egress-tls.ts';
import { openEgressTls } from './egress-tls.ts';
import { packageRoot, packageVersion } from './package.ts';
import type { ServerTokens } from './server-tokens.ts';
import { openServerTokens } from './server-tokens.ts';

/** The servers behind the gateway, with what is read for them while it runs. */
export interface Servers {
  /** Not connected to yet; closed by whoever uses them. */
  readonly upstreams: readonly Upstream[];
  /** Looks for the credentials, then follows changes of them and of the links' files. */
  readonly watch: () => Promise<void>;
  /** The certificates from files that servers are shown, by name of the server. */
  readonly leaves: () => ReadonlyMap<string, readonly X509Certificate[]>;
  /** The access tokens for servers that have any, by name of the server. */
  readonly tokens: ReadonlyMap<string, ServerTokens>;
  /** Lets new exchanges use new connections alone, for when the policy for links has changed. */
  readonly recycleLinks: () => void;
  /** Ends the following of changes. */
  readonly close: () => Promise<void>;
}

/** What servers need besides their settings. */
export interface ServerContext {
  /** Asked whenever a link is made. */
  readonly inForce: InForce;
  readonly events: EventSink;
  /** Of the gateway; programs in the strict sandbox do not see it. */
  readonly stateDir: string;
  /** Ends their programs if this process cannot; to be closed after them. */
  readonly guardian: Guardian;
}

interface OneServer {
  readonly upstream: Upstream;
  readonly credentials: Credentials;
  readonly tokens: ServerTokens | null;
  /** Follows changes of the link's files; returns what ends this. */
  readonly watchLink: () => () => void;
  readonly leaves: () => readonly X509Certificate[];
  readonly recycle: () => void;
}

/**
 * Makes the servers of the settings.
 *
 * @throws LinkFileInvalid
 */
export async function createServers(settings: Settings, context: ServerContext): Promise<Servers> {
  // Calls that wait for their client are in this process alone, and so is the key to them.
  const sealer = createSealer([randomBytes(SEALING_KEY_BYTES)]);
  const servers = await Promise.all(
    settings.servers.map(async (server) => {
      const made = await createServer(server, settings, context);
      const whole = bridged(made.upstream, server, settings, context, sealer);
      return { ...made, upstream: made.tokens?.guard(whole) ?? whole };
    }),
  );
  let watches: readonly (() => void)[] = [];
  return {
    upstreams: servers.map(({ upstream }) => upstream),
    watch: async () => {
      watches = servers.map(({ watchLink }) => watchLink());
      await Promise.all(
        servers.map(({ credentials, tokens }) =>
          Promise.all([credentials.start(), tokens?.watch()]),
        ),
      );
    },
    leaves: () => new Map(servers.map(({ upstream, leaves }) => [upstream.name, leaves()])),
    tokens: new Map(
      servers.flatMap(({ upstream, tokens }) => (tokens === null ? [] : [[upstream.name, tokens]])),
    ),
    recycleLinks: () => {
      for (const { recycle } of servers) recycle();
    },
    close: async () => {
      for (const end of watches) end();
      await Promise.all(
        servers.map(({ credentials, tokens }) =>
          Promise.all([credentials.close(), tokens?.close()]),
        ),
      );
    },
  };
}

function bridged(
  upstream: Upstream,
  { era, bridged: wanted }: ServerSettings,
  { limits }: Settings,
  { events }: ServerContext,
  sealer: Sealer,
): Upstream {
  if (!wanted) return upstream;
  return createBridge(upstream, { era, version: packageVersion(), sealer, limits, events });
}

async function createServer(
  { name, transport }: ServerSettings,
  settings: Settings,
  { inForce, events, guardian, stateDir }: ServerContext,
): Promise<OneServer> {
  const { limits, sealingKeysFile } = settings;
  const credentialsFrom = (use: 'header' | 'variable', sources: Record<string, SecretSource>) =>
    new Credentials({ server: name, use, sources, guardian, limits, events });
  if (transport.kind === 'stdio') {
    const { envSources, ...program } = transport;
    const credentials = credentialsFrom('variable', envSources);
    const confinement = confinementOf(name, transport, settings, stateDir);
    const common = { name, credentials, confinement, limits, events, guardian };
    const upstream = createStdioUpstream({ ...program, ...common });
    return {
      upstream,
      credentials,
      tokens: null,
      watchLink: () => () => undefined,
      leaves: () => [],
      recycle: () => undefined,
    };
  }
  const { kind, url, headers, addresses: reach } = transport;
  const credentials = credentialsFrom('header', transport.headerSources);
  const tls =
    transport.tls === null ? null : await openEgressTls(name, transport.tls, inForce, events);
  const tokens =
    transport.authorization === null
      ? null
      : await openServerTokens(transport.authorization, {
          server: name,
          reach,
          settings,
          inForce,
          events,
          guardian,
        });
  const create = kind === 'http' ? createHttpUpstream : createSseUpstream;
  const upstream = create({
    name,
    url,
    headers,
    credentials,
    ...(tokens === null ? {} : { authorization: tokens.authorization }),
    addresses: { reach, isConfigured: true },
    tls: tls?.current ?? null,
    acceptLink: (link) => linkRefusal(inForce.policy().links, link),
    sharedSessions: sealingKeysFile !== null,
    limits,
    events,
  });
  return {
    upstream,
    credentials,
    tokens,
    watchLink: () => tls?.watch(() => upstream.recycle()) ?? (() => undefined),
    leaves: () => [...(tls?.leaves() ?? []), ...(tokens?.leaves() ?? [])],
    recycle: () => upstream.recycle(),
  };
}

/** The gateway's own files are not for programs: secrets not to be seen, the rest not to be changed. */
function confinementOf(
  name: string,
  { confinement }: StdioSettings,
  { files, servers }: Settings,
  stateDir: string,
): Confinement {
  return {
    ...confinement,
    hidden: [resolve(stateDir), ...files.secret],
    guarded: [...files.trusted, packageRoot(), process.execPath, ...programFolders()],
    writableByOthers: servers
      .filter((other) => other.name !== name)
      .flatMap((other) => writableOf(other)),
  };
}

function writableOf({ transport }: ServerSettings): readonly string[] {
  return transport.kind === 'stdio' ? transport.confinement.writable : [];
}

/** Where the gateway finds programs that it runs itself, outside of every sandbox. */
function programFolders(): readonly string[] {
  return (process.env['PATH'] ?? '').split(delimiter).filter((folder) => isAbsolute(folder));
}
