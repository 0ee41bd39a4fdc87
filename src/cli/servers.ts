import type { ServerSettings, Settings } from '#config';
import type { EventSink } from '#lib';
import { linkRefusal } from '#policy';
import type { Guardian, Upstream } from '#transport';
import { createHttpUpstream, createStdioUpstream } from '#transport';
import type { InForce } from './egress-tls.ts';
import { openEgressTls } from './egress-tls.ts';

/** The servers behind the gateway, with what is read for them while it runs. */
export interface Servers {
  /** Not connected to yet; closed by whoever uses them. */
  readonly upstreams: readonly Upstream[];
  /** Begins to follow changes of the files that the servers' settings name. */
  readonly watch: () => void;
  /** Ends that. */
  readonly close: () => void;
}

/** What servers need besides their settings. */
export interface ServerContext {
  /** Asked whenever a link is made. */
  readonly inForce: InForce;
  readonly events: EventSink;
  /** Ends their programs if this process cannot; to be closed after them. */
  readonly guardian: Guardian;
}

interface OneServer {
  readonly upstream: Upstream;
  /** Returns what ends it. */
  readonly watch: () => () => void;
}

/**
 * Makes the servers of the settings.
 *
 * @throws EgressFileInvalid
 */
export async function createServers(settings: Settings, context: ServerContext): Promise<Servers> {
  const servers = await Promise.all(
    settings.servers.map((server) => createServer(server, settings, context)),
  );
  let watches: readonly (() => void)[] = [];
  return {
    upstreams: servers.map(({ upstream }) => upstream),
    watch: () => {
      watches = servers.map(({ watch }) => watch());
    },
    close: () => {
      for (const end of watches) end();
    },
  };
}

async function createServer(
  { name, transport }: ServerSettings,
  { limits }: Settings,
  { inForce, events, guardian }: ServerContext,
): Promise<OneServer> {
  if (transport.kind === 'stdio') {
    const upstream = createStdioUpstream({ name, ...transport, limits, events, guardian });
    return { upstream, watch: () => () => undefined };
  }
  const { url, headers } = transport;
  const tls =
    transport.tls === null ? null : await openEgressTls(name, transport.tls, inForce, events);
  const upstream = createHttpUpstream({
    name,
    url,
    headers,
    tls: tls?.current ?? null,
    acceptLink: (link) => linkRefusal(inForce.policy().links, link),
    limits,
    events,
  });
  return {
    upstream,
    watch: () => tls?.watch(() => upstream.recycle()) ?? (() => undefined),
  };
}
