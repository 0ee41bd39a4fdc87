import { hostname } from 'node:os';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import type { AdminServer, ControlServer } from '#admin';
import { openAdmin, openControl } from '#admin';
import type { Recorder } from '#audit';
import { createRecorder } from '#audit';
import type { Settings } from '#config';
import { assertRuntime } from '#crypto';
import type { OpenListener } from '#gateway';
import { Gateway } from '#gateway';
import type { GatewayIdentity } from '#identity';
import {
  defaultStateDir,
  EnrolmentDesk,
  ensureIdentity,
  IdentityKeeper,
  openStateDir,
  RevocationList,
  SealingKeys,
} from '#identity';
import type { EventSink, Limits } from '#lib';
import type { Policy } from '#policy';
import { openJsonlStore } from '#store';
import { createLog, Metrics } from '#telemetry';
import { Guardian } from '#transport';
import { controlSocketOf } from './control-client.ts';
import { controlRoutes } from './control-routes.ts';
import type { InForce } from './egress-tls.ts';
import { watchEnds } from './ending-certificates.ts';
import { tellMissingPaths } from './missing-paths.ts';
import { packageVersion } from './package.ts';
import { createIssuers } from './issuers.ts';
import { operatorsCertificates, runningIdentity } from './running-identity.ts';
import type { Servers } from './servers.ts';
import { createServers } from './servers.ts';
import { TlsConfigurations } from './tls-configurations.ts';

/** A gateway that is up, with everything around it. */
export interface RunningPostern {
  readonly gateway: Gateway;
  readonly listeners: readonly OpenListener[];
  readonly admin: AdminServer | null;
  readonly identity: GatewayIdentity;
  readonly stateDir: string;
  readonly recordDir: string;
  readonly events: EventSink;
  /** Reads configuration and policy again and renews the gateway's certificates. Never throws. */
  reload(): Promise<void>;
  /** Drains and ends everything; later calls wait for the first. */
  stop(): Promise<void>;
}

/**
 * Builds every part from the settings and opens the ports: the one place where the rooms meet.
 *
 * @param fixedPolicy is in force instead of a policy file, for a server given on the command line.
 * @param reread reads the settings again for a reload; `null` when no file has them.
 * @throws PosternError with nothing left running.
 */
export async function startPostern(
  settings: Settings,
  fixedPolicy: Policy | null,
  reread: (() => Promise<Settings>) | null,
): Promise<RunningPostern> {
  assertRuntime();
  const { limits } = settings;
  const log = createLog({ level: settings.log.level, format: logFormat(settings) });
  const events = log.sink;
  const stateDir = settings.stateDir ?? defaultStateDir(process.env);
  await openStateDir(stateDir);
  const wanted = {
    trustDomain: settings.trustDomain,
    names: settings.listeners.flatMap((listener) => [...listener.serverNames]),
    lifetimeMs: limits.certificateLifetimeMs,
    issuingMaxAgeMs: limits.issuingCaMaxAgeMs,
  };
  const identity = await ensureIdentity(stateDir, wanted);
  if (identity.created) tellCreated(identity, events);
  const metrics = new Metrics();
  const sealingKeys = await openSealingKeys(settings, stateDir, events);
  const guardian = new Guardian(events);
  const inForce: InForce = { policy: () => gateway.policy, identity: () => gateway.identity };
  const servers = await createServers(settings, { inForce, events, guardian, stateDir });
  const { upstreams } = servers;
  const issuers = await createIssuers(settings, { identity: inForce.identity, events });
  const tls = await TlsConfigurations.open(settings, stateDir, events);
  const revocations = await RevocationList.open(stateDir, events);
  const recordDir = join(stateDir, 'record');
  const recorder = await openRecorder(settings, recordDir, events);
  const gateway: Gateway = new Gateway({
    identity,
    listeners: settings.listeners,
    verifiers: issuers.verifiers,
    tls: tls.current,
    policyFile: settings.policyFile,
    fixedPolicy,
    recorder,
    desk: new EnrolmentDesk(stateDir),
    refusesPeer: (peer) => {
      const reason = revocations.refusalOf(peer);
      return reason === null ? null : `its certificate was revoked (${reason})`;
    },
    sealer: () => sealingKeys.sealer,
    instance: `${hostname()}/${process.pid}`,
    limits,
    events,
    meter: metrics,
    upstreams,
    federation: {
      servers: settings.servers,
      federation: settings.federation,
      version: packageVersion(),
    },
    onPolicyChange: () => servers.recycleLinks(),
    rolloutFile: join(stateDir, 'rollout.json'),
  });
  const apply = (renewed: GatewayIdentity): Promise<void> =>
    gateway.tls.change({ identity: renewed });
  const keeper = new IdentityKeeper(identity, { stateDir, wanted, events, apply });
  let admin: AdminServer | null = null;
  let control: ControlServer | null = null;
  const shown = () => ({ listeners: gateway.tls.certificates(), servers: servers.leaves() });
  let stopWatchingEnds = (): void => undefined;
  let stopping: Promise<void> | undefined;
  const stop = (): Promise<void> => {
    tls.close();
    issuers.close();
    stopWatchingEnds();
    const ports = () => [admin, control];
    const keepers = { keeper, revocations, sealingKeys };
    const parts = { gateway, ...keepers, servers, guardian, recorder, limits, ports };
    stopping ??= stopAll(parts).finally(() => log.flush());
    return stopping;
  };
  try {
    tellMissingPaths(settings.servers, events);
    await servers.watch();
    const listeners = await gateway.start();
    keeper.start();
    sealingKeys.watch();
    issuers.watch();
    revocations.watch(() => gateway.destroyRefused());
    tls.watch((configured) => gateway.tls.change({ configured }));
    stopWatchingEnds = watchEnds(() => operatorsCertificates(shown()), events);
    if (settings.admin !== null) {
      const { host, port } = settings.admin;
      admin = await openAdmin(host, port, adminSource(gateway, recorder, metrics));
    }
    // Commands speak to the gateway that listens, of which a state directory has one.
    if (settings.listeners.length > 0) {
      const routes = controlRoutes(gateway, () => runningIdentity({ own: keeper, ...shown() }));
      control = await openControl(controlSocketOf(stateDir), routes, events);
    }
    const reload = async (): Promise<void> => {
      if (reread !== null) await tls.reload(reread);
      await Promise.all([gateway.reload(), keeper.renew()]);
    };
    return { gateway, listeners, admin, identity, stateDir, recordDir, events, reload, stop };
  } catch (thrown) {
    await stop();
    throw thrown;
  }
}

async function stopAll(parts: {
  gateway: Gateway;
  keeper: IdentityKeeper;
  revocations: RevocationList;
  sealingKeys: SealingKeys;
  servers: Servers;
  guardian: Guardian;
  recorder: Recorder;
  limits: Limits;
  ports: () => readonly (AdminServer | ControlServer | null)[];
}): Promise<void> {
  const { gateway, servers, guardian, recorder, limits, ports } = parts;
  await parts.keeper.stop();
  await parts.revocations.close();
  await parts.sealingKeys.close();
  await Promise.all([servers.close(), gateway.stop()]);
  await guardian.close();
  // A disk that hangs must not hold the process for ever.
  await Promise.race([recorder.close(), delay(limits.drainTimeoutMs, undefined, { ref: false })]);
  for (const port of ports()) await port?.close();
}

function openSealingKeys(
  { sealingKeysFile, limits }: Settings,
  stateDir: string,
  events: EventSink,
): Promise<SealingKeys> {
  return SealingKeys.open({
    stateDir,
    sharedFile: sealingKeysFile,
    maxAgeMs: limits.sealingKeyMaxAgeMs,
    keepMs: limits.sessionMaxAgeMs,
    events,
  });
}

async function openRecorder(
  settings: Settings,
  recordDir: string,
  events: EventSink,
): Promise<Recorder> {
  const { limits } = settings;
  const { mode } = settings.audit;
  const store =
    mode === 'off'
      ? null
      : await openJsonlStore({ directory: recordDir, durable: mode === 'durable', limits });
  return createRecorder({ store, mode, limits, events });
}

function logFormat({ log }: Settings): 'json' | 'text' {
  if (log.format !== 'auto') return log.format;
  return process.stderr.isTTY ? 'text' : 'json';
}

function adminSource(gateway: Gateway, recorder: Recorder, metrics: Metrics) {
  return {
    ready: () => gateway.ready,
    metrics: () =>
      metrics.text({
        ready: gateway.ready,
        callsInFlight: gateway.callsInFlight,
        servers: gateway.upstreams.map((upstream) => ({
          name: upstream.name,
          ...upstream.stats(),
        })),
      }),
    status: () => ({
      policy: gateway.policyState,
      calls_in_flight: gateway.callsInFlight,
      record: recorder.stats(),
      servers: Object.fromEntries(
        gateway.upstreams.map((upstream) => [upstream.name, upstream.stats()]),
      ),
    }),
  };
}

function tellCreated(identity: GatewayIdentity, events: EventSink): void {
  events({
    severity: 'info',
    name: 'identity.created',
    message: 'made the gateway’s authorities',
    fields: { spiffe_id: identity.spiffeId, ca: identity.caFile },
  });
}
