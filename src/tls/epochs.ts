import { createHash } from 'node:crypto';
import { isDeepStrictEqual } from 'node:util';
import { tlsOptionsOf } from '#crypto';
import type { ServerCredential } from '#identity';
import { canaryVerdict } from './canary-verdict.ts';
import type { ClientHello } from './client-hello/hello.ts';
import type { EpochHandlers } from './epoch.ts';
import { Epoch } from './epoch.ts';
import { refusalOfHello } from './judge-hello.ts';
import type { ServerTls } from './server-options.ts';
import { sourceOf } from './source-limits.ts';

/** What a listener's new connections are to work with. */
export interface EpochPlan {
  readonly stable: ServerTls;
  /** Tried out on a part of the clients; `null` when nothing is. */
  readonly canary: Canary | null;
}

/** A configuration on trial. */
export interface Canary {
  readonly tls: ServerTls;
  /** Part of the connections that get it, 0 to 100. */
  readonly percent: number;
  /** Whether a client gets the same on each connection, by its address (IPv6: its /64). */
  readonly sticky: boolean;
}

interface Trial {
  readonly epoch: Epoch;
  readonly percent: number;
  readonly sticky: boolean;
  readonly clients: ClientCounts;
}

/** Hellos that the stable epoch takes, while a canary is on trial. */
interface ClientCounts {
  seen: number;
  /** Of these, those that the canary refuses, or would if it got them. */
  refused: number;
}

/** How a canary does. */
export interface TrialReport {
  readonly percent: number;
  readonly sticky: boolean;
  readonly clients: Readonly<ClientCounts>;
}

/** What {@link Epochs} needs. */
export interface EpochsHandlers extends EpochHandlers {
  /** Makes the choice of clients independent of other gateways and rollouts before the last start. */
  readonly salt: Buffer;
  /** Called once for a canary that is worse than the stable epoch. */
  readonly onCanaryUnfit: (reason: string) => void;
}

/**
 * The epochs that a listener's new connections belong to: the stable one, and the canary while one is
 * being tried out.
 */
export class Epochs {
  readonly #handlers: EpochsHandlers;
  #lastId = 0;
  #stable: Epoch;
  #trial: Trial | null = null;
  readonly #unfit = new WeakSet<Epoch>();

  /** @throws Error when OpenSSL does not take the configuration. */
  constructor(first: ServerTls, handlers: EpochsHandlers) {
    this.#handlers = handlers;
    this.#stable = this.#make(first);
  }

  get stable(): Epoch {
    return this.#stable;
  }

  get canary(): Epoch | null {
    return this.#trial?.epoch ?? null;
  }

  /** How the canary does, `null` without one. */
  get trial(): TrialReport | null {
    if (this.#trial === null) return null;
    const { percent, sticky, clients } = this.#trial;
    return { percent, sticky, clients: { ...clients } };
  }

  /** The epoch of a new connection. */
  choose(address: string): Epoch {
    const trial = this.#trial;
    if (trial === null || this.#share(address, trial.sticky) >= trial.percent) return this.#stable;
    return trial.epoch;
  }

  /**
   * Makes new connections follow a plan. An epoch in force whose configuration the plan repeats goes
   * on, also when the canary becomes the stable one; the others end.
   *
   * @returns whether any epoch began or ended.
   * @throws Error when OpenSSL does not take a configuration; nothing has changed then.
   */
  use({ stable, canary }: EpochPlan): boolean {
    const before = this.#inForce();
    const nextStable = this.#reuse(stable) ?? this.#make(stable);
    const trial = canary && this.#trialOf(canary);
    this.#stable = nextStable;
    this.#trial = trial;
    const after = this.#inForce();
    const ended = before.filter((epoch) => !after.includes(epoch));
    for (const epoch of ended) epoch.endedAt = performance.now();
    return ended.length > 0 || after.some((epoch) => !before.includes(epoch));
  }

  /** Counts a client by its hello. */
  judged(epoch: Epoch, hello: ClientHello, refused: boolean): void {
    const trial = this.#trial;
    if (trial === null) return;
    const takes = ({ tls }: Epoch): boolean => refusalOfHello(hello, tls.profile) === null;
    // Who would not get in without the canary either says nothing about it.
    if (epoch === this.#stable ? refused : !takes(this.#stable)) return;
    trial.clients.seen += 1;
    if (epoch === trial.epoch ? refused : !takes(trial.epoch)) trial.clients.refused += 1;
    if (epoch === trial.epoch && refused) this.failed(epoch);
  }

  /** Counts a handshake that ended with a connection. */
  established(epoch: Epoch): void {
    epoch.established += 1;
  }

  /** Counts a handshake that ended without one. */
  failed(epoch: Epoch): void {
    epoch.failed += 1;
    if (epoch !== this.#trial?.epoch || this.#unfit.has(epoch)) return;
    const verdict = canaryVerdict(epoch, this.#stable);
    if (verdict === null) return;
    this.#unfit.add(epoch);
    this.#handlers.onCanaryUnfit(verdict);
  }

  #trialOf({ tls, percent, sticky }: Canary): Trial {
    const epoch = this.#reuse(tls) ?? this.#make(tls);
    const clients = epoch === this.#trial?.epoch ? this.#trial.clients : { seen: 0, refused: 0 };
    return { epoch, percent, sticky, clients };
  }

  #inForce(): readonly Epoch[] {
    return this.#trial === null ? [this.#stable] : [this.#stable, this.#trial.epoch];
  }

  #reuse(tls: ServerTls): Epoch | undefined {
    return this.#inForce().find((epoch) => isSameTls(epoch.tls, tls));
  }

  #make(tls: ServerTls): Epoch {
    const epoch = new Epoch(this.#lastId + 1, tls, this.#handlers);
    this.#lastId = epoch.id;
    return epoch;
  }

  /** Where a connection stands between 0 and 100: those below the canary's percentage get it. */
  #share(address: string, sticky: boolean): number {
    if (!sticky) return Math.random() * 100;
    const digest = createHash('sha256')
      .update(this.#handlers.salt)
      .update(sourceOf(address))
      .digest();
    return (digest.readUInt32BE(0) / 2 ** 32) * 100;
  }
}

/** Whether connections made under both would be made alike. */
export function isSameTls(one: ServerTls, other: ServerTls): boolean {
  return (
    one.credentials.length === other.credentials.length &&
    one.credentials.every((each, index) => isSameCredential(each, other.credentials[index])) &&
    one.caPem === other.caPem &&
    one.ownCaPem === other.ownCaPem &&
    isDeepStrictEqual(one.foreignNames, other.foreignNames) &&
    one.secondCaPem === other.secondCaPem &&
    one.rootsPem === other.rootsPem &&
    isDeepStrictEqual(one.crls, other.crls) &&
    one.clientCertificates === other.clientCertificates &&
    one.secondProof === other.secondProof &&
    one.profile.name === other.profile.name &&
    isDeepStrictEqual(tlsOptionsOf(one.profile), tlsOptionsOf(other.profile))
  );
}

function isSameCredential(one: ServerCredential, other: ServerCredential | undefined): boolean {
  return one === other || (one.keyPem === other?.keyPem && one.chainPem === other.chainPem);
}
