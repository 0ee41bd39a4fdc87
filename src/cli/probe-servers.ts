import type { Settings } from '#config';
import type { LinkSecurity } from '#crypto';
import { readYamlFile } from '#lib';
import type { Policy } from '#policy';
import { denyAllPolicy, readPolicy } from '#policy';
import { Guardian } from '#transport';
import { createUpstreams } from './compose.ts';

/** What came of trying a server's hop. */
export interface ServerProbe {
  readonly name: string;
  readonly kind: 'stdio' | 'http';
  readonly reachable: boolean;
  /** One sentence: what was seen, or what went wrong. */
  readonly detail: string;
  /** As negotiated; `null` when there is none. */
  readonly link: LinkSecurity | null;
}

/** Tries the hop to each server as the gateway would make it; no server gets an MCP message. */
export async function probeServers(settings: Settings): Promise<readonly ServerProbe[]> {
  const policy = await policyFor(settings);
  const silent = (): void => undefined;
  const guardian = new Guardian(silent);
  // Without a running gateway there is none of its certificates to show.
  const inForce = { policy: () => policy, identity: () => null };
  const upstreams = await createUpstreams(settings, inForce, silent, guardian);
  try {
    return await Promise.all(
      upstreams.map(async (upstream) => {
        const { name, kind } = upstream;
        return { name, kind, ...(await upstream.health()) };
      }),
    );
  } finally {
    await Promise.all(upstreams.map((upstream) => upstream.close()));
    await guardian.close();
  }
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
