/** The program of a thread that serves: the same composition as the gateway's, without what there is once. */
import type { MessagePort } from 'node:worker_threads';
import { parentPort, workerData } from 'node:worker_threads';
import { RemoteRecorder } from '#audit';
import type { ToMain } from '#gateway';
import { RemoteProofs, Serving, ServingWorker, sharedServers, unpackInForce } from '#gateway';
import type { PosternEvent } from '#lib';
import { messageOf, parseJson } from '#lib';
import { Metrics } from '#telemetry';
import { openServingKit } from './serving-kit.ts';
import { settingsOf } from './settings.ts';
import type { WorkerThreadData } from './worker-threads.ts';

async function serve(
  { start, source, stateDir }: WorkerThreadData,
  main: MessagePort,
): Promise<void> {
  const tell = (message: ToMain): void => main.postMessage(message);
  // Facts are JSON values: as such they can be told whatever they come from.
  const events = ({ fields = {}, ...event }: PosternEvent): void =>
    tell({ kind: 'event', event: { ...event, fields: jsonOf(fields) } });
  const whole = settingsOf(source);
  const shared = sharedServers(whole.servers);
  const settings = { ...whole, servers: whole.servers.filter(({ name }) => shared.has(name)) };
  const { limits } = settings;
  let inForce = unpackInForce(start.inForce);
  const proofs = new RemoteProofs((question, id) => tell({ kind: 'proof', question, id }));
  const recorder = new RemoteRecorder({
    mode: settings.audit.mode,
    limits,
    send: (lines, entries) => tell({ kind: 'lines', lines, entries }),
  });
  const kit = await openServingKit(settings, {
    stateDir,
    events,
    inForce: { policy: () => inForce.policy, identity: () => inForce.identity },
    replay: proofs,
  });
  const metrics = new Metrics();
  const serving = new Serving({
    ...kit.parts,
    trustDomain: inForce.identity.trustDomain,
    instance: start.instance,
    enrolment: null,
    recorder,
    meter: metrics,
  });
  const worker = new ServingWorker({
    start,
    listeners: settings.listeners,
    servers: settings.servers,
    upstreams: kit.parts.upstreams,
    inForce,
    serving,
    recorder,
    proofs,
    limits,
    events,
    main,
    takeCounts: () => metrics.take(),
    onInForce: (next) => {
      const isOtherPolicy = next.policy.hash !== inForce.policy.hash;
      inForce = next;
      if (isOtherPolicy) kit.servers.recycleLinks();
    },
    close: async () => {
      await kit.stopFollowing();
      await kit.close();
    },
  });
  await kit.watch(() => worker.destroyRefused());
  await worker.open();
}

function jsonOf(fields: object): Record<string, unknown> {
  return parseJson(JSON.stringify(fields)) as Record<string, unknown>;
}

const main = parentPort;
if (main === null) throw new Error('this is the program of a thread');
serve(workerData as WorkerThreadData, main).catch((thrown: unknown) => {
  const failed: ToMain = { kind: 'failed', why: messageOf(thrown) };
  main.postMessage(failed);
});
