import type { AddressInfo } from 'node:net';
import type { Recorder } from '#audit';
import type { ListenerSettings } from '#config';
import type { EnrolmentDesk, GatewayIdentity } from '#identity';
import type { EventSink, Limits } from '#lib';
import type { Services } from '#pipeline';
import type { Policy } from '#policy';
import { denyAllPolicy, linkRefusal, profileUnder } from '#policy';
import type { ServerTls } from '#tls';
import { rehearse } from '#tls';
import type { Upstream } from '#transport';
import { hostNamesOf } from './addresses.ts';
import { Calls } from './calls.ts';
import { Est, isEstPath } from './est.ts';
import type { Listener } from './listener.ts';
import { createListener } from './listener.ts';
import type { PolicyState } from './policy-source.ts';
import { PolicySource } from './policy-source.ts';

/** What a gateway is made of; the composition root builds the parts. */
export interface GatewayParts {
  readonly identity: GatewayIdentity;
  readonly listeners: readonly ListenerSettings[];
  readonly policyFile: string | null;
  /** In force without a file, when the command line itself says what is allowed. */
  readonly fixedPolicy: Policy | null;
  readonly recorder: Recorder;
  /** Issues certificates to clients. */
  readonly desk: EnrolmentDesk;
  readonly limits: Limits;
  readonly events: EventSink;
  /** The servers behind the gateway; it closes them when it stops. */
  readonly upstreams: readonly Upstream[];
  /** Called when another policy is in force, so that links made under the old one are given up. */
  readonly onPolicyChange: () => void;
}

/** An open listener, for people. */
export interface OpenListener {
  readonly name: string;
  readonly scheme: 'https' | 'http';
  readonly address: AddressInfo;
}

/** How often open streams are asked again whether they are permitted. */
const RECHECK_MS = 30_000;

/** Listeners, policy and upstreams under one life cycle. */
export class Gateway {
  readonly #parts: GatewayParts;
  readonly #calls: Calls;
  readonly #est: Est;
  readonly #listeners: { listener: Listener; settings: ListenerSettings }[];
  readonly #policySource: PolicySource;
  /** The immutable set that a call begins and ends with; replaced whole. */
  #services: Services;
  #identity: GatewayIdentity;
  /** Changes of policy and identity, one after the other. */
  #changes: Promise<unknown> = Promise.resolve();
  #ready = false;
  #recheckTimer: NodeJS.Timeout | undefined;

  constructor(parts: GatewayParts) {
    this.#parts = parts;
    this.#identity = parts.identity;
    this.#services = {
      trustDomain: parts.identity.trustDomain,
      policy: parts.fixedPolicy ?? denyAllPolicy('none'),
      upstreams: new Map(parts.upstreams.map((upstream) => [upstream.name, upstream])),
      recorder: parts.recorder,
      limits: parts.limits,
      events: parts.events,
    };
    this.#calls = new Calls(() => this.#services);
    this.#est = new Est({
      ...parts,
      trustDomain: parts.identity.trustDomain,
      caPem: () => this.#identity.caPem,
    });
    this.#listeners = parts.listeners.map((settings) => ({
      settings,
      listener: this.#createListener(settings),
    }));
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
    return this.#identity;
  }

  /** The policy in force. */
  get policy(): Policy {
    return this.#services.policy;
  }

  get callsInFlight(): number {
    return this.#calls.count;
  }

  get policyState(): PolicyState {
    return this.#parts.fixedPolicy === null ? this.#policySource.state : 'ok';
  }

  /**
   * Loads the policy, then opens the ports.
   *
   * @throws ProfileUnusable when a listener's profile does not work even without a policy.
   * @throws ListenFailed with nothing left open.
   */
  async start(): Promise<readonly OpenListener[]> {
    if (this.#parts.fixedPolicy === null) await this.#policySource.start();
    else await this.#apply(this.#parts.fixedPolicy);
    const open: OpenListener[] = [];
    try {
      for (const { listener } of this.#listeners) {
        const address = await listener.open();
        open.push({ name: listener.name, scheme: listener.scheme, address });
      }
    } catch (thrown) {
      await this.stop();
      throw thrown;
    }
    this.#ready = true;
    // Certificates expire without anybody changing the policy.
    this.#recheckTimer = setInterval(() => this.#calls.recheck(), RECHECK_MS).unref();
    return open;
  }

  /**
   * Shows other certificates to new connections; open ones keep theirs.
   *
   * @throws ProfileUnusable when a listener's profile does not work with them; nothing has changed.
   */
  useIdentity(identity: GatewayIdentity): Promise<void> {
    return this.#inTurn(async () => {
      await this.#replaceTls(identity, this.#services.policy);
      this.#identity = identity;
    });
  }

  /** Reads the policy again. */
  async reload(): Promise<void> {
    if (this.#parts.fixedPolicy === null) await this.#policySource.reload();
  }

  /** Finishes the calls in flight within the limit, then ends everything. */
  async stop(): Promise<void> {
    this.#ready = false;
    clearInterval(this.#recheckTimer);
    this.#policySource.stop();
    for (const { listener } of this.#listeners) listener.drain();
    const { drainTimeoutMs } = this.#parts.limits;
    await Promise.all([this.#calls.drain(drainTimeoutMs), this.#est.drain(drainTimeoutMs)]);
    await Promise.all(this.#listeners.map(({ listener }) => listener.close()));
    await Promise.all(this.#parts.upstreams.map((upstream) => upstream.close()));
  }

  #createListener(settings: ListenerSettings): Listener {
    const { limits, events } = this.#parts;
    const names = {
      hosts: hostNamesOf(settings.host, settings.serverNames),
      origins: new Set(settings.allowedOrigins),
    };
    return createListener({
      name: settings.name,
      host: settings.host,
      port: settings.port,
      tls: tlsOf(settings, this.#identity, this.#services.policy),
      limits,
      events,
      refusesLink: (link) => linkRefusal(this.#services.policy.links, link),
      onRequest: (request, response, link) => {
        const entrance = { listener: settings.name, names };
        if (link.kind === 'tls' && isEstPath(request.url)) {
          this.#est.handle(request, response, { ...entrance, link });
        } else {
          this.#calls.handle(request, response, link, entrance);
        }
      },
    });
  }

  /** Puts a policy in force for new connections and new calls. */
  #apply(policy: Policy): Promise<void> {
    return this.#inTurn(async () => {
      await this.#replaceTls(this.#identity, policy);
      this.#services = { ...this.#services, policy };
      this.#parts.onPolicyChange();
      this.#calls.recheck();
    });
  }

  #inTurn(change: () => Promise<void>): Promise<void> {
    const done = this.#changes.then(change);
    this.#changes = done.catch(() => undefined);
    return done;
  }

  /**
   * Replaces the TLS configuration of every listener. All are worked out and rehearsed before the
   * first is replaced, so one under which a listener could serve nobody changes nothing.
   */
  async #replaceTls(identity: GatewayIdentity, policy: Policy): Promise<void> {
    const replacements = this.#listeners.map(({ listener, settings }) => ({
      listener,
      tls: tlsOf(settings, identity, policy),
    }));
    for (const { tls } of replacements) if (tls !== null) await rehearse(tls);
    for (const { listener, tls } of replacements) if (tls !== null) listener.replaceTls(tls);
  }
}

function tlsOf(
  { tls }: ListenerSettings,
  identity: GatewayIdentity,
  policy: Policy,
): ServerTls | null {
  if (tls === null) return null;
  const profile = profileUnder(policy.links, tls.profile);
  return { identity, profile, clientCertificates: tls.clientCertificates };
}
