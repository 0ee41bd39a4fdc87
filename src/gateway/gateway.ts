import type { ListenerSettings } from '#config';
import { Federation } from '#federation';
import type { GatewayIdentity } from '#identity';
import type { PosternError } from '#lib';
import { messageOf } from '#lib';
import type { Services } from '#pipeline';
import { EarlierRequests, ServerRevisions, SessionTokens, ToolHeaders } from '#pipeline';
import type { Policy } from '#policy';
import { denyAllPolicy, linkRefusal } from '#policy';
import type { Upstream } from '#transport';
import { hostNamesOf } from './addresses.ts';
import { Calls } from './calls.ts';
import { Destinations } from './destinations.ts';
import { Est, isEstPath } from './est.ts';
import type { GatewayParts, ListenerStatus, OpenListener } from './gateway-parts.ts';
import type { Listener } from './listener.ts';
import { createListener } from './listener.ts';
import { Admission } from './overload/admission.ts';
import { DuplexFronts } from './duplex/fronts.ts';
import type { LineStreams } from './duplex/lines.ts';
import type { HostNames } from './http-guard.ts';
import type { Target } from './routes.ts';
import { isSsePath } from './routes.ts';
import type { PolicyState } from './policy-source.ts';
import { PolicySource } from './policy-source.ts';
import { EventStore } from './resumption/event-store.ts';
import { loadRollouts, saveRollouts } from './rollout-file.ts';
import { TlsControl } from './tls-control.ts';
import { TokenGate } from './tokens/gate.ts';
import { answerMetadata } from './tokens/metadata.ts';
import { isMetadataPath } from './tokens/resources.ts';
import type { TlsState } from './tls-state.ts';
import { stableTls } from './tls-state.ts';

/** How often open streams are asked again whether they are permitted. */
const RECHECK_MS = 30_000;

/** Listeners, policy and upstreams under one life cycle. */
export class Gateway {
  readonly #parts: GatewayParts;
  readonly #federation: Federation;
  readonly #destinations: Destinations;
  readonly #calls: Calls;
  readonly #store: EventStore;
  readonly #admission: Admission;
  readonly #est: Est;
  readonly #duplex: DuplexFronts;
  readonly #listeners: readonly Listener[];
  readonly #policySource: PolicySource;
  /** The immutable set that a call begins and ends with; replaced whole. */
  #services: Services;
  /** Policy, identity and rollouts as the listeners work with them. */
  readonly tls: TlsControl;
  #ready = false;
  #recheckTimer: NodeJS.Timeout | undefined;

  constructor(parts: GatewayParts) {
    this.#parts = parts;
    this.#store = new EventStore(parts.limits);
    this.#services = {
      trustDomain: parts.identity.trustDomain,
      policy: parts.fixedPolicy ?? denyAllPolicy('none'),
      upstreams: new Map(parts.upstreams.map((upstream) => [upstream.name, upstream])),
      sessions: new SessionTokens(parts),
      resumption: this.#store,
      recorder: parts.recorder,
      limits: parts.limits,
      events: parts.events,
      meter: parts.meter,
      policyNow: () => this.#services.policy,
      refusesPeer: parts.refusesPeer,
      toolHeaders: new ToolHeaders(),
      earlierRequests: new EarlierRequests(),
      serverRevisions: new ServerRevisions(),
    };
    const { limits, events } = parts;
    this.#federation = new Federation({ ...parts.federation, limits, events });
    this.#destinations = new Destinations(() => this.#services, this.#federation);
    this.#admission = new Admission(parts);
    this.#calls = new Calls(() => this.#services, this.#destinations, this.#admission);
    this.#est = new Est({
      ...parts,
      trustDomain: parts.identity.trustDomain,
      caPem: () => this.identity.caPem,
      admission: this.#admission,
    });
    this.#duplex = new DuplexFronts(() => this.#services, this.#destinations, this.#admission);
    const state: TlsState = {
      identity: parts.identity,
      policy: this.#services.policy,
      configured: parts.tls,
      rollouts: new Map(),
    };
    this.#listeners = parts.listeners.map((settings) => this.#createListener(settings, state));
    this.tls = new TlsControl(state, {
      listeners: this.#listeners.filter(({ scheme }) => scheme === 'https'),
      events: parts.events,
      save: (rollouts) => saveRollouts(parts.rolloutFile, rollouts),
    });
    this.#policySource = new PolicySource({
      file: parts.policyFile,
      events: parts.events,
      apply: (policy) => this.#apply(policy),
    });
  }

  get ready(): boolean {
    return this.#ready;
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
    return this.#services.policy;
  }

  get callsInFlight(): number {
    return this.#calls.count + this.#duplex.count;
  }

  get policyState(): PolicyState {
    return this.#parts.fixedPolicy === null ? this.#policySource.state : 'ok';
  }

  /** What each listener with TLS does at present. */
  listenerStatus(): readonly ListenerStatus[] {
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
    } catch (thrown) {
      await this.stop();
      throw thrown;
    }
    this.#ready = true;
    // Certificates expire without anybody changing the policy.
    this.#recheckTimer = setInterval(() => this.#recheck(), RECHECK_MS).unref();
    return open;
  }

  /** Ends connections of epochs that are over, each after the call that it carries. */
  drainOld(): void {
    for (const listener of this.#listeners) listener.drainOld();
    this.#recheck();
  }

  /** Destroys the connections of clients that are refused since a moment ago. */
  destroyRefused(): void {
    for (const listener of this.#listeners) {
      const connections = listener.destroyRefused();
      if (connections === 0) continue;
      this.#parts.events({
        severity: 'warn',
        name: 'tls.connections_revoked',
        message: `ended ${connections} connections of clients whose certificates were revoked`,
        fields: { listener: listener.name, connections },
      });
    }
    this.#recheck();
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
    return this.#duplex.serve(target, streams);
  }

  /** Finishes the calls in flight within the limit, then ends everything. */
  async stop(): Promise<void> {
    this.#ready = false;
    clearInterval(this.#recheckTimer);
    this.#policySource.stop();
    for (const listener of this.#listeners) listener.drain();
    const { drainTimeoutMs } = this.#parts.limits;
    await Promise.all([
      this.#calls.drain(drainTimeoutMs),
      this.#est.drain(drainTimeoutMs),
      this.#duplex.drain(drainTimeoutMs),
    ]);
    this.#store.stop();
    this.#admission.stop();
    await Promise.all(this.#listeners.map((listener) => listener.close()));
    this.#federation.close();
    await Promise.all(this.#parts.upstreams.map((upstream) => upstream.close()));
  }

  #createListener(settings: ListenerSettings, state: TlsState): Listener {
    const { limits, events } = this.#parts;
    const names = {
      hosts: hostNamesOf(settings.host, settings.serverNames),
      origins: new Set(settings.allowedOrigins),
      scheme: settings.tls === null ? ('http' as const) : ('https' as const),
    };
    const { name, host, port, minRevision } = settings;
    const gate = this.#gateFor(settings, names);
    return createListener({
      name,
      host,
      port,
      tls: settings.tls === null ? null : stableTls(name, state),
      limits,
      events,
      refusesLink: (link) => linkRefusal(this.#services.policy.links, link),
      refusesPeer: this.#parts.refusesPeer,
      onCanaryUnfit: (reason) => void this.#rollBack(name, reason),
      onRequest: (exchange, arrival) => {
        const entrance = { listener: name, minRevision, names, gate, ...arrival };
        const { link, refusal } = arrival;
        if (link.kind === 'tls' && refusal === null && isEstPath(exchange.target)) {
          this.#est.handle(exchange, { ...entrance, link });
        } else if (gate !== null && isMetadataPath(exchange.target)) {
          answerMetadata(exchange, gate, this.#services);
        } else if (settings.legacySse && isSsePath(exchange.target)) {
          this.#duplex.handle(exchange, entrance);
        } else {
          this.#calls.handle(exchange, entrance);
        }
      },
    });
  }

  #gateFor(settings: ListenerSettings, names: HostNames): TokenGate | null {
    const { authorization, name } = settings;
    if (authorization === null) return null;
    const verifier = this.#parts.verifiers.get(name);
    if (verifier === undefined) throw new Error(`nothing verifies the tokens of listener ${name}`);
    return new TokenGate({ settings, authorization, verifier, names });
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
    this.#services = { ...this.#services, policy };
    this.#parts.onPolicyChange();
    this.#recheck();
  }

  #recheck(): void {
    this.#destinations.recheck();
    this.#calls.recheck();
    this.#duplex.recheck();
    this.#store.recheck();
  }
}
