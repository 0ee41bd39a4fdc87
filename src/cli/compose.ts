import { hostname } from 'node:os';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import type { AdminServer, AdminSource, ControlServer } from '#admin';
import { openAdmin, openControl } from '#admin';
import type { LineRecorder, Recorder } from '#audit';
import { createRecorder } from '#audit';
import type { Settings } from '#config';
import { assertRuntime } from '#crypto';
import type { CrewParts, OpenListener } from '#gateway';
import { Crew, Gateway } from '#gateway';
import type { GatewayIdentity } from '#identity';
import {
  defaultStateDir,
  EnrolmentDesk,
  ensureIdentity,
  IdentityKeeper,
  openStateDir,
} from '#identity';
import type { EventSink, Limits } from '#lib';
import type { Policy } from '#policy';
import { openJsonlStore } from '#store';
import type { Counts } from '#telemetry';
import { createLog, Metrics } from '#telemetry';
import { controlSocketOf } from './control-client.ts';
import { controlRoutes } from './control-routes.ts';
import type { InForce } from './egress-tls.ts';
import { watchEnds } from './ending-certificates.ts';
import { tellMissingPaths } from './missing-paths.ts';
import { recentProofs } from './issuers.ts';
import { operatorsCertificates, runningIdentity } from './running-identity.ts';
import type { ServingKit } from './serving-kit.ts';
import { openServingKit } from './serving-kit.ts';
import type { SettingsSource } from './settings.ts';
import { TlsConfigurations } from './tls-configurations.ts';
import { workerBeginner } from './worker-threads.ts';

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

/** What is to run. */
export interface PosternPlan {
  readonly settings: Settings;
  /** In force instead of a policy file, for a server given on the command line. */
  readonly fixedPolicy: Policy | null;
  /** What the settings were read from; `null` when no file has them. */
  readonly source: SettingsSource | null;
  /** Reads the settings again for a reload; `null` when no file has them. */
  readonly reread: (() => Promise<Settings>) | null;
}

/**
 * Builds every part from the settings and opens the ports: the one place where the rooms meet.
 *
 * @throws PosternError with nothing left running.
 */
export async function startPostern({
  settings,
  fixedPolicy,
  source,
  reread,
}: PosternPlan): Promise<RunningPostern> {
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
  const inForce: InForce = { policy: () => gateway.policy, identity: () => gateway.identity };
  const replay = recentProofs(limits);
  const kit = await openServingKit(settings, { stateDir, events, inForce, replay });
  const { servers } = kit;
  const tls = await TlsConfigurations.open(settings, stateDir, events);
  const recordDir = join(stateDir, 'record');
  const recorder = await openRecorder(settings, recordDir, events);
  const instance = `${hostname()}/${process.pid}`;
  const addCounts = (counts: unknown): void => metrics.add(counts as Counts);
  const crewParts = { instance, recorder, replay, addCounts, limits, events };
  const gateway: Gateway = new Gateway({
    ...kit.parts,
    crew: crewFor(settings, stateDir, source, crewParts),
    identity,
    tls: tls.current,
    policyFile: settings.policyFile,
    fixedPolicy,
    recorder,
    desk: new EnrolmentDesk(stateDir),
    instance,
    meter: metrics,
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
    stopWatchingEnds();
    const ports = () => [admin, control];
    const parts = { gateway, keeper, kit, recorder, limits, ports };
    stopping ??= stopAll(parts).finally(() => log.flush());
    return stopping;
  };
  try {
    tellMissingPaths(settings.servers, events);
    await kit.watch(() => gateway.destroyRefused());
    const listeners = await gateway.start();
    keeper.start();
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
  kit: ServingKit;
  recorder: Recorder;
  limits: Limits;
  ports: () => readonly (AdminServer | ControlServer | null)[];
}): Promise<void> {
  const { gateway, kit, recorder, limits, ports } = parts;
  await parts.keeper.stop();
  await Promise.all([kit.stopFollowing(), gateway.stop()]);
  await kit.close();
  // A disk that hangs must not hold the process for ever.
  await Promise.race([recorder.close(), delay(limits.drainTimeoutMs, undefined, { ref: false })]);
  for (const port of ports()) await port?.close();
}

/** The threads that are to have the ports, `null` for this one. */
function crewFor(
  settings: Settings,
  stateDir: string,
  source: SettingsSource | null,
  parts: Omit<CrewParts, 'size' | 'begin'>,
): Crew | null {
  const { workers: size, listeners } = settings;
  if (size === 1 || source === null || listeners.length === 0) return null;
  return new Crew({ ...parts, size, begin: workerBeginner({ source, stateDir }) });
}

async function openRecorder(
  settings: Settings,
  recordDir: string,
  events: EventSink,
): Promise<LineRecorder> {
  const { limits } = settings;
  const { mode } = settings.audit;
  const store =
    mode === 'off'
      ? null
      : await openJsonlStore({ directory: recordDir, durable: mode === 'durable', limits });
  // Every worker admits calls up to the bound by itself, and what was admitted finds room.
  const queues = settings.workers === 1 ? 1 : settings.workers + 1;
  const maxRecordQueue = queues * limits.maxRecordQueue;
  return createRecorder({ store, mode, limits: { ...limits, maxRecordQueue }, events });
}

function logFormat({ log }: Settings): 'json' | 'text' {
  if (log.format !== 'auto') return log.format;
  return process.stderr.isTTY ? 'text' : 'json';
}

function adminSource(gateway: Gateway, recorder: Recorder, metrics: Metrics): AdminSource {
  return {
    ready: () => gateway.ready,
    metrics: async () => {
      const { callsInFlight, servers } = await gateway.load();
      return metrics.text({
        ready: gateway.ready,
        callsInFlight,
        servers: [...servers].map(([name, stats]) => Object.assign({ name }, stats)),
      });
    },
    status: async () => {
      const { callsInFlight, servers } = await gateway.load();
      return {
        policy: gateway.policyState,
        calls_in_flight: callsInFlight,
        record: recorder.stats(),
        servers: Object.fromEntries(servers),
      };
    },
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
