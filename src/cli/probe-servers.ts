import type { HttpSettings, ServerSettings, Settings } from '#config';
import type { LinkSecurity, Profile } from '#crypto';
import { defaultStateDir } from '#identity';
import { readYamlFile } from '#lib';
import type { Policy } from '#policy';
import { denyAllPolicy, profileUnder, readPolicy } from '#policy';
import type { ServerShowing } from '#transport';
import { Guardian, inspectServer } from '#transport';
import type { TokenProbe } from './server-tokens.ts';
import { createServers } from './servers.ts';

/** What came of trying a server's hop. */
export interface ServerProbe {
  readonly name: string;
  readonly kind: ServerSettings['transport']['kind'];
  readonly reachable: boolean;
  /** One sentence: what was seen, or what went wrong. */
  readonly detail: string;
  /** As negotiated; `null` when there is none. */
  readonly link: LinkSecurity | null;
  /** Where the hop of a running gateway differs from this one. */
  readonly notes: readonly string[];
  /** Whether there is a token for it; `null` when it is asked without. */
  readonly token: TokenProbe | null;
  /** What a server shows whose hop was refused, unverified; `null` when there is nothing to show. */
  readonly shows: ServerShowing | null;
}

/**
 * Tries the hop to each server as the gateway would make it; no server gets an MCP message.
 *
 * @param options with `inspect` a TLS server that is refused is looked at once more, without trusting
 *   it, for what it shows.
 */
export async function probeServers(
  settings: Settings,
  { inspect }: { readonly inspect: boolean },
): Promise<readonly ServerProbe[]> {
  const policy = await policyFor(settings);
  const silent = (): void => undefined;
  const guardian = new Guardian(silent);
  // Without a running gateway there is none of its certificates to show.
  const inForce = { policy: () => policy, identity: () => null };
  const servers = await createServers(settings, {
    inForce,
    events: silent,
    guardian,
    stateDir: settings.stateDir ?? defaultStateDir(process.env),
  });
  const { upstreams, tokens } = servers;
  try {
    return await Promise.all(
      settings.servers.map(async (server): Promise<ServerProbe> => {
        const { name, transport } = server;
        const health = await upstreams.find((upstream) => upstream.name === name)?.health();
        if (health === undefined) throw new Error(`no upstream for server ${name}`);
        const token = (await tokens.get(name)?.probe()) ?? null;
        const wanted = inspect && !health.reachable;
        const shows = wanted ? await showingOf(server, policy, settings) : null;
        return { name, kind: transport.kind, ...health, notes: notesOn(server), token, shows };
      }),
    );
  } finally {
    await Promise.all([servers.close(), ...upstreams.map((upstream) => upstream.close())]);
    await guardian.close();
  }
}

async function showingOf(
  { transport }: ServerSettings,
  policy: Policy,
  { limits }: Settings,
): Promise<ServerShowing | null> {
  const tls = tlsOf(transport);
  if (transport.kind === 'stdio' || tls === null) return null;
  return inspectServer({
    url: transport.url,
    serverName: tls.serverName,
    profile: narrowed(policy, tls.profile),
    addresses: { reach: transport.addresses, isConfigured: true },
    timeoutMs: limits.upstreamConnectTimeoutMs,
  });
}

/** Where policy leaves nothing of a profile, that is the reason of the refusal already. */
function narrowed(policy: Policy, profile: Profile): Profile {
  try {
    return profileUnder(policy.links, profile);
  } catch {
    return profile;
  }
}

function notesOn({ name, transport }: ServerSettings): readonly string[] {
  if (tlsOf(transport)?.clientCertificate !== 'gateway') return [];
  return [
    `${name} was shown no client certificate: that of the gateway exists only in a running one`,
  ];
}

function tlsOf(transport: ServerSettings['transport']): HttpSettings['tls'] {
  return transport.kind === 'stdio' ? null : transport.tls;
}

/** The policy that decides which links are strong enough; the strictest when there is none. */
async function policyFor({ policyFile }: Settings): Promise<Policy> {
  try {
    if (policyFile === null) return denyAllPolicy('none');
    const reading = readPolicy(await readYamlFile(policyFile), policyFile);
    if (reading.ok) return reading.policy;
  } catch {
    // `postern check` says what is wrong with it.
  }
  return denyAllPolicy('none');
}
