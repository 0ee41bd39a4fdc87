import type { X509Certificate } from 'node:crypto';
import type { SecretSource, ServerSettings, Settings } from '#config';
import type { EventSink } from '#lib';
import { linkRefusal } from '#policy';
import type { Guardian, Upstream } from '#transport';
import {
  createHttpUpstream,
  createSseUpstream,
  createStdioUpstream,
  Credentials,
} from '#transport';
import type { InForce } from './egress-tls.ts';
import { openEgressTls } from './egress-tls.ts';

/** The servers behind the gateway, with what is read for them while it runs. */
export interface Servers {
  /** Not connected to yet; closed by whoever uses them. */
  readonly upstreams: readonly Upstream[];
  /** Looks for the credentials, then follows changes of them and of the links' files. */
  readonly watch: () => Promise<void>;
  /** The certificates from files that servers are shown, by name of the server. */
  readonly leaves: () => ReadonlyMap<string, readonly X509Certificate[]>;
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
  /** Follows changes of the link's files; returns what ends this. */
  readonly watchLink: () => () => void;
  readonly leaves: () => readonly X509Certificate[];
}

/**
 * Makes the servers of the settings.
 *
 * @throws LinkFileInvalid
 */
export async function createServers(settings: Settings, context: ServerContext): Promise<Servers> {
  const servers = await Promise.all(
    settings.servers.map((server) => createServer(server, settings, context)),
  );
  let watches: readonly (() => void)[] = [];
  return {
    upstreams: servers.map(({ upstream }) => upstream),
    watch: async () => {
      watches = servers.map(({ watchLink }) => watchLink());
      await Promise.all(servers.map(({ credentials }) => credentials.start()));
    },
    leaves: () => new Map(servers.map(({ upstream, leaves }) => [upstream.name, leaves()])),
    close: async () => {
      for (const end of watches) end();
      await Promise.all(servers.map(({ credentials }) => credentials.close()));
    },
  };
}

async function createServer(
  { name, transport }: ServerSettings,
  { limits, sealingKeysFile }: Settings,
  { inForce, events, guardian, stateDir }: ServerContext,
): Promise<OneServer> {
  const credentialsFrom = (use: 'header' | 'variable', sources: Record<string, SecretSource>) =>
    new Credentials({ server: name, use, sources, guardian, limits, events });
  if (transport.kind === 'stdio') {
    const { envSources, ...program } = transport;
    const credentials = credentialsFrom('variable', envSources);
    const confinement = { ...transport.confinement, hidden: [stateDir] };
    const common = { name, credentials, confinement, limits, events, guardian };
    const upstream = createStdioUpstream({ ...program, ...common });
    return { upstream, credentials, watchLink: () => () => undefined, leaves: () => [] };
  }
  const { kind, url, headers } = transport;
  const credentials = credentialsFrom('header', transport.headerSources);
  const tls =
    transport.tls === null ? null : await openEgressTls(name, transport.tls, inForce, events);
  const create = kind === 'http' ? createHttpUpstream : createSseUpstream;
  const upstream = create({
    name,
    url,
    headers,
    credentials,
    tls: tls?.current ?? null,
    acceptLink: (link) => linkRefusal(inForce.policy().links, link),
    sharedSessions: sealingKeysFile !== null,
    limits,
    events,
  });
  return {
    upstream,
    credentials,
    watchLink: () => tls?.watch(() => upstream.recycle()) ?? (() => undefined),
    leaves: () => tls?.leaves() ?? [],
  };
}
