import { randomBytes } from 'node:crypto';
import type { ListenerSettings } from '#config';
import type { GatewayIdentity } from '#identity';
import type { PosternError } from '#lib';
import { messageOf } from '#lib';
import type { Policy } from '#policy';
import type { EpochPlan, ServerTls } from '#tls';
import { canaryVerdict } from '#tls';
import type { Upstream } from '#transport';
import type { LineStreams } from './duplex/lines.ts';
import type { GatewayParts, ListenerStatus, OpenListener } from './gateway-parts.ts';
import { destroyRefused } from './destroy-refused.ts';
import type { Listener } from './listener.ts';
import type { PolicyState } from './policy-source.ts';
import { PolicySource } from './policy-source.ts';
import { loadRollouts, saveRollouts } from './rollout-file.ts';
import type { Target } from './routes.ts';
import { Serving } from './serving.ts';
import { TlsControl } from './tls-control.ts';
import type { TlsState } from './tls-state.ts';
import { stableTls } from './tls-state.ts';
import { CrewListener } from './workers/crew-listener.ts';
import type { GatewayLoad } from './workers/load.ts';
import { loadOf } from './workers/load.ts';

/** How often open streams are asked again whether they are permitted. */
const RECHECK_MS = 30_000;

/** Listeners, policy and upstreams under one life cycle. */
export class Gateway {
  readonly #parts: GatewayParts;
  readonly #serving: Serving;
  readonly #listeners: readonly Listener[];
  /** Of these, those whose ports the workers have. */
  readonly #crewListeners: CrewListener[] = [];
  /** Names of those whose canaries are being taken back. */
  readonly #judged = new Set<string>();
  readonly #policySource: PolicySource;
  /** Policy, identity and rollouts as the listeners work with them. */
  readonly tls: TlsControl;
  readonly #canarySalt = randomBytes(16);
  #ready = false;
  #recheckTimer: NodeJS.Timeout | undefined;

  constructor(parts: GatewayParts) {
    this.#parts = parts;
    this.#serving = new Serving({
      ...parts,
      trustDomain: parts.identity.trustDomain,
      enrolment: { desk: parts.desk, caPem: () => this.identity.caPem },
    });
    if (parts.fixedPolicy !== null) this.#serving.usePolicy(parts.fixedPolicy);
    const state: TlsState = {
      identity: parts.identity,
      policy: this.#serving.policy,
      configured: parts.tls,
      rollouts: new Map(),
    };
    this.#listeners = parts.listeners.map((settings) => this.#createListener(settings, state));
    this.tls = new TlsControl(state, {
      listeners: this.#listeners.filter(({ scheme }) => scheme === 'https'),
      events: parts.events,
      announce: async () => {
        // What is answered here does not wait for the workers.
        this.#serving.usePolicy(this.tls.state.policy);
        this.#serving.recheck();
        await parts.crew?.putInForce();
      },
      save: (rollouts) => saveRollouts(parts.rolloutFile, rollouts),
    });
    this.#policySource = new PolicySource({
      file: parts.policyFile,
      events: parts.events,
      apply: (policy) => this.#apply(policy),
    });
  }

  get ready(): boolean {
    return this.#ready && (this.#parts.crew?.isServing ?? true);
  }

  get upstreams(): readonly Upstream[] {
    return this.#parts.upstreams;
  }

  /** Who the gateway is at present. */
  get identity(): GatewayIdentity {
    return this.tls.state.identity;
  }

  /** The policy in force. */
  get policy(): Policy {
    return this.#serving.policy;
  }

  /** As far as is known without asking the workers. */
  get callsInFlight(): number {
    const reports = this.#parts.crew?.lastReports() ?? [];
    return reports.reduce(
      (sum, { callsInFlight }) => sum + callsInFlight,
      this.#serving.callsInFlight,
    );
  }

  /** What is under way at present, here and with the workers. */
  async load(): Promise<GatewayLoad> {
    const here = {
      callsInFlight: this.#serving.callsInFlight,
      servers: new Map(this.upstreams.map((upstream) => [upstream.name, upstream.stats()])),
    };
    return loadOf(here, (await this.#parts.crew?.reports()) ?? []);
  }

  get policyState(): PolicyState {
    return this.#parts.fixedPolicy === null ? this.#policySource.state : 'ok';
  }

  /** What each listener with TLS does at present. */
  async listenerStatus(): Promise<readonly ListenerStatus[]> {
    await this.#parts.crew?.reports();
    const { configured, rollouts } = this.tls.state;
    return this.#listeners.flatMap((listener) => {
      const { name } = listener;
      const report = listener.report();
      const tls = configured.listeners.get(name)?.settings;
      if (report === null || tls === undefined) return [];
      const rollout = rollouts.get(name) ?? null;
      return [{ name, configuredProfile: tls.profile.name, report, rollout }];
    });
  }

  /**
   * Loads the policy, then opens the ports.
   *
   * @throws RolloutFileInvalid when it is not clear which profile is in force.
   * @throws ProfileUnusable when a listener's profile does not work even without a policy.
   * @throws ListenFailed with nothing left open.
   */
  async start(): Promise<readonly OpenListener[]> {
    this.tls.resume(await loadRollouts(this.#parts.rolloutFile));
    if (this.#parts.fixedPolicy === null) await this.#policySource.start();
    else await this.#apply(this.#parts.fixedPolicy);
    const open: OpenListener[] = [];
    try {
      for (const listener of this.#listeners) {
        const address = await listener.open();
        open.push({ name: listener.name, scheme: listener.scheme, address });
      }
      await this.#startCrew();
    } catch (thrown) {
      await this.stop();
      throw thrown;
    }
    this.#ready = true;
    // Certificates expire without anybody changing the policy.
    this.#recheckTimer = setInterval(() => this.#serving.recheck(), RECHECK_MS).unref();
    return open;
  }

  /** Ends connections of epochs that are over, each after the call that it carries. */
  drainOld(): void {
    for (const listener of this.#listeners) listener.drainOld();
    this.#serving.recheck();
  }

  /** Destroys the connections of clients that are refused since a moment ago. */
  destroyRefused(): void {
    destroyRefused(this.#listeners, this.#parts.events);
    this.#serving.recheck();
  }

  /** Reads the policy again. */
  async reload(): Promise<void> {
    if (this.#parts.fixedPolicy === null) await this.#policySource.reload();
  }

  /**
   * Serves one client over a pair of streams, one message a line, until it ends.
   *
   * @returns why it ended, `null` when the client or the gateway ended it in order.
   */
  serve(target: Target, streams: LineStreams): Promise<PosternError | null> {
    return this.#serving.serve(target, streams);
  }

  /** Finishes the calls in flight within the limit, then ends everything. */
  async stop(): Promise<void> {
    this.#ready = false;
    clearInterval(this.#recheckTimer);
    this.#policySource.stop();
    for (const listener of this.#listeners) listener.drain();
    await this.#serving.drain();
    await Promise.all(this.#listeners.map((listener) => listener.close()));
    await this.#serving.close();
  }

  #createListener({ name, host, port, tls }: ListenerSettings, state: TlsState): Listener {
    const { crew, events } = this.#parts;
    const stable = tls === null ? null : stableTls(name, state);
    const address = { name, host, port };
    if (crew !== null) {
      const scheme = stable === null ? 'http' : 'https';
      const listener = new CrewListener({ ...address, scheme, crew, events }, planOf(stable));
      this.#crewListeners.push(listener);
      return listener;
    }
    return this.#serving.openTo({
      ...address,
      reusePort: false,
      canarySalt: this.#canarySalt,
      tls: stable,
      onCanaryUnfit: (reason) => void this.#rollBack(name, reason),
    });
  }

  async #startCrew(): Promise<void> {
    const listeners = this.#crewListeners;
    await this.#parts.crew?.start({
      serving: this.#serving,
      ports: new Map(listeners.map(({ name, port }) => [name, port])),
      inForce: () => ({
        policy: this.tls.state.policy,
        identity: this.identity,
        plans: new Map(
          listeners.flatMap(({ name, plan }) => (plan === null ? [] : [[name, plan]])),
        ),
      }),
      onUnfit: (name, reason) => void this.#rollBack(name, reason),
      onReports: () => this.#judgeCanaries(),
    });
  }

  /** Each worker has seen a part of the clients. */
  #judgeCanaries(): void {
    for (const listener of this.#crewListeners) {
      const report = listener.report();
      if (report === null || report.canary === null || this.#judged.has(listener.name)) continue;
      const verdict = canaryVerdict(report.canary, report.stable);
      if (verdict === null) continue;
      this.#judged.add(listener.name);
      void this.#rollBack(listener.name, verdict).then(() => this.#judged.delete(listener.name));
    }
  }

  /** Takes back what is being tried out, by itself. */
  async #rollBack(listener: string, reason: string): Promise<void> {
    try {
      await this.tls.rollBack(listener, reason);
    } catch (thrown) {
      this.#parts.events({
        severity: 'alert',
        name: 'rollout.roll_back_failed',
        message: `the canary on listener ${listener} does worse and could not be rolled back`,
        fields: { listener, reason, error: messageOf(thrown) },
      });
    }
  }

  /** Puts a policy in force for new connections and new calls. */
  async #apply(policy: Policy): Promise<void> {
    await this.tls.change({ policy });
    this.#parts.onPolicyChange();
  }
}

function planOf(stable: ServerTls | null): EpochPlan | null {
  return stable === null ? null : { stable, canary: null };
}
