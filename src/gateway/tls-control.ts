import type { ListenerSettings } from '#config';
import type { Profile } from '#crypto';
import type { GatewayIdentity, ServerCredential } from '#identity';
import type { EventSink } from '#lib';
import { messageOf } from '#lib';
import type { Policy } from '#policy';
import { profileUnder } from '#policy';
import type { EpochPlan, ServerTls } from '#tls';
import { rehearse } from '#tls';
import { RolloutFileInvalid, RolloutRefused } from './errors.ts';
import type { Listener } from './listener.ts';
import type { Rollout, Rollouts, RolloutStart } from './rollout.ts';
import { promote, rollBack, stableProfile, start } from './rollout.ts';

/** What decides the TLS of all listeners. Immutable; replaced whole. */
export interface TlsState {
  readonly identity: GatewayIdentity;
  readonly policy: Policy;
  readonly rollouts: Rollouts;
  /** What the files of listeners hold, by name of the listener. */
  readonly files: ReadonlyMap<string, ListenerFiles>;
}

/** What files say about a listener instead of, or besides, the gateway's own identity. */
export interface ListenerFiles {
  /** Shown instead of the gateway's own certificates; `null` for those. */
  readonly credentials: readonly ServerCredential[] | null;
  /** PEM of authorities whose client certificates are taken besides the gateway's own. */
  readonly clientCaPem: string;
  /** PEM of revocation lists for client certificates, one list each. */
  readonly crls: readonly string[];
}

/** A listener with TLS and what is configured for it. */
export interface SecuredListener {
  readonly name: string;
  readonly listener: Listener;
  readonly tls: NonNullable<ListenerSettings['tls']>;
}

/** Options of {@link TlsControl}. */
export interface TlsControlOptions {
  readonly listeners: readonly SecuredListener[];
  /** Finds a profile, built in or the deployment's own. */
  readonly profileNamed: (name: string) => Profile | undefined;
  readonly events: EventSink;
  /** Saves rollouts, so that the next start goes on from there. */
  readonly save: (rollouts: Rollouts) => Promise<void>;
}

/**
 * Puts identities, policies and rollouts in force on all listeners. Every configuration is worked out
 * and rehearsed before the first listener gets one, so that a change under which a listener could
 * serve nobody changes nothing. Changes come one after the other.
 */
export class TlsControl {
  readonly #options: TlsControlOptions;
  #state: TlsState;
  #changes: Promise<unknown> = Promise.resolve();

  constructor(state: TlsState, options: TlsControlOptions) {
    this.#state = state;
    this.#options = options;
  }

  get state(): TlsState {
    return this.#state;
  }

  /**
   * Takes over the rollouts of an earlier run, before anything else.
   *
   * @throws RolloutFileInvalid when one names a profile that is not there.
   */
  resume(saved: Rollouts): void {
    const { listeners, profileNamed } = this.#options;
    const kept = new Map<string, Rollout>();
    for (const { name, tls } of listeners) {
      const rollout = saved.get(name);
      // The configuration was changed since: its word is the newer one.
      if (rollout === undefined || rollout.configured !== tls.profile.name) continue;
      if (rollout.phase !== 'rolled_back' && profileNamed(rollout.profile) === undefined) {
        throw new RolloutFileInvalid(`there is no profile "${rollout.profile}" for ${name}`);
      }
      kept.set(name, rollout);
    }
    this.#state = { ...this.#state, rollouts: kept };
  }

  /**
   * Puts another identity, policy or files in force. A canary that cannot work with it is rolled back.
   *
   * @throws ProfileUnusable or NothingAllowed when a listener could not work; nothing has changed.
   */
  change(part: Partial<Pick<TlsState, 'identity' | 'policy' | 'files'>>): Promise<void> {
    return this.#inTurn(async () => {
      const next = { ...this.#state, ...part };
      const rollouts = new Map(next.rollouts);
      const unfit: { name: string; rollout: Rollout }[] = [];
      for (const each of this.#options.listeners) {
        await rehearse(this.#stableOf(each, next));
        const reason = await this.#whyUnfit(each, next);
        if (reason === null) continue;
        const rollout = rollBack(rollouts.get(each.name), reason);
        rollouts.set(each.name, rollout);
        unfit.push({ name: each.name, rollout });
      }
      await this.#putInForce({ ...next, rollouts }, false);
      for (const { name, rollout } of unfit) this.#tell(name, rollout);
    });
  }

  /**
   * Tries a profile out on a part of a listener's clients, or changes that part.
   *
   * @param name of the listener; `null` for every one with TLS
   * @throws RolloutRefused, ProfileUnusable or NothingAllowed; nothing has changed.
   */
  async startRollout(name: string | null, wanted: RolloutStart): Promise<void> {
    if (this.#options.profileNamed(wanted.profile) === undefined) {
      throw new RolloutRefused(`there is no profile "${wanted.profile}"`);
    }
    await this.#step(name, null, (current, configured) => start(current, configured, wanted));
  }

  /**
   * Gives all clients what is being tried out.
   *
   * @param name of the listener; `null` for every one on which something is
   * @throws RolloutRefused
   */
  promote(name: string | null): Promise<void> {
    return this.#step(name, ['canary'], promote);
  }

  /**
   * Goes back to what is configured.
   *
   * @param name of the listener; `null` for every one that left it
   * @param reason `null` when somebody asked for it
   * @throws RolloutRefused
   */
  rollBack(name: string | null, reason: string | null): Promise<void> {
    const mustBeSaved = reason === null;
    return this.#step(
      name,
      ['canary', 'promoted'],
      (current) => rollBack(current, reason),
      mustBeSaved,
    );
  }

  /** Moves the rollouts of the listeners that are meant, those in any of the phases, if any are. */
  #step(
    name: string | null,
    phases: readonly string[] | null,
    move: (current: Rollout | undefined, configured: string) => Rollout,
    mustBeSaved = true,
  ): Promise<void> {
    return this.#inTurn(async () => {
      const meant = this.#meant(name, phases);
      const rollouts = new Map(this.#state.rollouts);
      const moved = meant.map((each) => {
        const rollout = move(rollouts.get(each.name), each.tls.profile.name);
        rollouts.set(each.name, rollout);
        return { name: each.name, rollout };
      });
      const next = { ...this.#state, rollouts };
      for (const each of meant) {
        const { stable, canary } = this.#planOf(each, next);
        await rehearse(canary?.tls ?? stable);
      }
      await this.#putInForce(next, mustBeSaved);
      for (const { name: each, rollout } of moved) this.#tell(each, rollout);
    });
  }

  #meant(name: string | null, phases: readonly string[] | null): readonly SecuredListener[] {
    const { listeners } = this.#options;
    const named = listeners.filter((each) => name === null || each.name === name);
    if (named.length === 0) {
      throw new RolloutRefused(`there is no listener ${name === null ? '' : `"${name}" `}with TLS`);
    }
    const inPhase = named.filter((each) =>
      phases?.includes(this.#state.rollouts.get(each.name)?.phase ?? ''),
    );
    return inPhase.length > 0 ? inPhase : named;
  }

  #inTurn(change: () => Promise<void>): Promise<void> {
    const done = this.#changes.then(change);
    this.#changes = done.catch(() => undefined);
    return done;
  }

  /** Saved before it is in force: what clients have seen must not be forgotten by a crash. */
  async #putInForce(next: TlsState, mustBeSaved: boolean): Promise<void> {
    const changed =
      JSON.stringify([...next.rollouts]) !== JSON.stringify([...this.#state.rollouts]);
    if (changed) await this.#save(next.rollouts, mustBeSaved);
    for (const each of this.#options.listeners) each.listener.use(this.#planOf(each, next));
    this.#state = next;
  }

  /** What rolls back by itself has to, on a full disk too: the next start tries it out once more. */
  async #save(rollouts: Rollouts, mustBeSaved: boolean): Promise<void> {
    try {
      await this.#options.save(rollouts);
    } catch (thrown) {
      if (mustBeSaved) throw thrown;
      this.#options.events({
        severity: 'alert',
        name: 'rollout.not_saved',
        message: 'a canary was rolled back, and will be tried out again after a restart',
        fields: { error: messageOf(thrown) },
      });
    }
  }

  /** Why the canary cannot go on, `null` when it can or there is none. */
  async #whyUnfit(each: SecuredListener, next: TlsState): Promise<string | null> {
    try {
      const { canary } = this.#planOf(each, next);
      if (canary !== null) await rehearse(canary.tls);
      return null;
    } catch (thrown) {
      return messageOf(thrown);
    }
  }

  #planOf(each: SecuredListener, state: TlsState): EpochPlan {
    const stable = this.#stableOf(each, state);
    const rollout = state.rollouts.get(each.name);
    if (rollout?.phase !== 'canary') return { stable, canary: null };
    const { profile, percent, sticky } = rollout;
    return { stable, canary: { tls: this.#tlsOf(each, profile, state), percent, sticky } };
  }

  #stableOf(each: SecuredListener, state: TlsState): ServerTls {
    const name = stableProfile(each.tls.profile.name, state.rollouts.get(each.name));
    return this.#tlsOf(each, name, state);
  }

  #tlsOf({ name, tls }: SecuredListener, profileName: string, state: TlsState): ServerTls {
    const profile = this.#options.profileNamed(profileName) ?? tls.profile;
    return serverTlsOf(state.identity, state.files.get(name), {
      profile: profileUnder(state.policy.links, profile),
      clientCertificates: tls.clientCertificates,
    });
  }

  #tell(listener: string, rollout: Rollout): void {
    const { profile, phase, percent, reason } = rollout;
    this.#options.events({
      severity: reason === null ? 'info' : 'alert',
      name: `rollout.${phase}`,
      message: `profile "${profile}" on listener ${listener}: ${SENTENCES[phase]}`,
      fields: { listener, profile, ...(phase === 'canary' ? { percent } : {}), reason },
    });
  }
}

/** A listener's TLS from the gateway's identity and what files say besides. */
export function serverTlsOf(
  identity: GatewayIdentity,
  files: ListenerFiles | undefined,
  part: Pick<ServerTls, 'profile' | 'clientCertificates'>,
): ServerTls {
  const own = files?.credentials ?? null;
  const caPem = identity.caPem + (files?.clientCaPem ?? '');
  const crls = files?.crls ?? [];
  return {
    ...part,
    credentials: own ?? identity.credentials,
    caPem,
    secondCaPem: crls.length === 0 ? caPem : identity.caPem,
    crls,
    rootsPem: own === null ? identity.caPem : null,
  };
}

const SENTENCES: Readonly<Record<Rollout['phase'], string>> = {
  canary: 'tried out on a part of the clients',
  promoted: 'in force for all clients',
  rolled_back: 'rolled back, the configured profile is in force',
};
