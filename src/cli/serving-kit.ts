import type { Settings } from '#config';
import type { Serving } from '#gateway';
import { RevocationList, SealingKeys } from '#identity';
import type { EventSink } from '#lib';
import type { ReplayGuard } from '#oauth';
import { Guardian } from '#transport';
import type { InForce } from './egress-tls.ts';
import { createIssuers } from './issuers.ts';
import { packageVersion } from './package.ts';
import type { Servers } from './servers.ts';
import { createServers } from './servers.ts';

type ServingParts = ConstructorParameters<typeof Serving>[0];

/** What every thread that serves has of its own. */
export interface ServingKit {
  readonly servers: Servers;
  /** What of it serving takes. */
  readonly parts: Pick<
    ServingParts,
    | 'listeners'
    | 'verifiers'
    | 'sealer'
    | 'refusesPeer'
    | 'limits'
    | 'events'
    | 'upstreams'
    | 'federation'
  >;
  /** Looks for the servers' credentials, then follows changes of all files. */
  readonly watch: (onRevoked: () => void) => Promise<void>;
  /** Ends the following of changes. */
  readonly stopFollowing: () => Promise<void>;
  /** Ends what is left when nothing is served any more. */
  readonly close: () => Promise<void>;
}

/** What a kit needs besides the settings. */
export interface KitContext {
  readonly stateDir: string;
  readonly events: EventSink;
  readonly inForce: InForce;
  /** Remembers the proofs that were used. */
  readonly replay: ReplayGuard;
}

/**
 * Opens a kit.
 *
 * @throws LinkFileInvalid, KeySetInvalid, and what the state directory may be at fault for.
 */
export async function openServingKit(
  settings: Settings,
  { stateDir, events, inForce, replay }: KitContext,
): Promise<ServingKit> {
  const { limits, listeners, federation } = settings;
  const sealingKeys = await SealingKeys.open({
    stateDir,
    sharedFile: settings.sealingKeysFile,
    maxAgeMs: limits.sealingKeyMaxAgeMs,
    keepMs: limits.sessionMaxAgeMs,
    events,
  });
  const guardian = new Guardian(events);
  const servers = await createServers(settings, { inForce, events, guardian, stateDir });
  const issuers = await createIssuers(settings, replay, { identity: inForce.identity, events });
  const revocations = await RevocationList.open(stateDir, events);
  return {
    servers,
    parts: {
      listeners,
      verifiers: issuers.verifiers,
      sealer: () => sealingKeys.sealer,
      refusesPeer: (peer) => {
        const reason = revocations.refusalOf(peer);
        return reason === null ? null : `its certificate was revoked (${reason})`;
      },
      limits,
      events,
      upstreams: servers.upstreams,
      federation: { servers: settings.servers, federation, version: packageVersion() },
    },
    watch: async (onRevoked) => {
      await servers.watch();
      sealingKeys.watch();
      issuers.watch();
      revocations.watch(onRevoked);
    },
    stopFollowing: async () => {
      issuers.close();
      await revocations.close();
      await sealingKeys.close();
      await servers.close();
    },
    close: () => guardian.close(),
  };
}
