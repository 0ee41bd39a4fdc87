import type { EventSink } from '#lib';
import { messageOf } from '#lib';
import { rehearse } from '#tls';
import { RolloutRefused } from './errors.ts';
import type { Listener } from './listener.ts';
import type { Rollout, Rollouts, RolloutStart } from './rollout.ts';
import { promote, rollBack, start } from './rollout.ts';
import type { ListenerCertificates, TlsState } from './tls-state.ts';
import {
  certificatesShown,
  epochPlan,
  profileNamed,
  rolloutsUnder,
  stableTls,
} from './tls-state.ts';

/** Options of {@link TlsControl}. */
export interface TlsControlOptions {
  /** Those with TLS. */
  readonly listeners: readonly Listener[];
  readonly events: EventSink;
  /** Called when something else is in force; it is in force everywhere when that resolves. */
  readonly announce: () => Promise<void>;
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

  /** What each listener shows to new clients. */
  certificates(): readonly ListenerCertificates[] {
    return this.#options.listeners.map(({ name }) => certificatesShown(name, this.#state));
  }

  /**
   * Takes over the rollouts of an earlier run, before anything else.
   *
   * @throws RolloutFileInvalid when one names a profile that is not there.
   */
  resume(saved: Rollouts): void {
    this.#state = { ...this.#state, rollouts: rolloutsUnder(saved, this.#state.configured) };
  }

  /**
   * Puts another identity, policy or configuration in force. A canary that cannot work with it is
   * rolled back.
   *
   * @throws ProfileUnusable or NothingAllowed when a listener could not work; nothing has changed.
   */
  change(part: Partial<Omit<TlsState, 'rollouts'>>): Promise<void> {
    return this.#inTurn(async () => {
      const next = { ...this.#state, ...part };
      const rollouts = new Map(rolloutsUnder(next.rollouts, next.configured));
      const unfit: { name: string; rollout: Rollout }[] = [];
      for (const { name } of this.#options.listeners) {
        await rehearse(stableTls(name, { ...next, rollouts }));
        const reason = await whyUnfit(name, { ...next, rollouts });
        if (reason === null) continue;
        const rollout = rollBack(rollouts.get(name), reason);
        rollouts.set(name, rollout);
        unfit.push({ name, rollout });
      }
      const moot = [...this.#state.rollouts.keys()].filter((name) => !rollouts.has(name));
      await this.#putInForce({ ...next, rollouts }, false);
      for (const name of moot) this.#tellMoot(name);
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
    if (profileNamed(wanted.profile, this.#state.configured) === undefined) {
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
    listener: string | null,
    phases: readonly string[] | null,
    move: (current: Rollout | undefined, configured: string) => Rollout,
    mustBeSaved = true,
  ): Promise<void> {
    return this.#inTurn(async () => {
      const meant = this.#meant(listener, phases);
      const rollouts = new Map(this.#state.rollouts);
      const moved = meant.map((name) => {
        const rollout = move(rollouts.get(name), this.#configuredProfile(name));
        rollouts.set(name, rollout);
        return { name, rollout };
      });
      const next = { ...this.#state, rollouts };
      for (const name of meant) {
        const { stable, canary } = epochPlan(name, next);
        await rehearse(canary?.tls ?? stable);
      }
      await this.#putInForce(next, mustBeSaved);
      for (const { name: each, rollout } of moved) this.#tell(each, rollout);
    });
  }

  #meant(name: string | null, phases: readonly string[] | null): readonly string[] {
    const all = this.#options.listeners.map((listener) => listener.name);
    const named = all.filter((each) => name === null || each === name);
    if (named.length === 0) {
      throw new RolloutRefused(`there is no listener ${name === null ? '' : `"${name}" `}with TLS`);
    }
    const inPhase = named.filter((each) =>
      phases?.includes(this.#state.rollouts.get(each)?.phase ?? ''),
    );
    return inPhase.length > 0 ? inPhase : named;
  }

  #configuredProfile(name: string): string {
    return this.#state.configured.listeners.get(name)?.settings.profile.name ?? '';
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
    for (const listener of this.#options.listeners) listener.use(epochPlan(listener.name, next));
    this.#state = next;
    await this.#options.announce();
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

  #tellMoot(listener: string): void {
    this.#options.events({
      severity: 'info',
      name: 'rollout.superseded',
      message: `the configuration of listener ${listener} has changed: its rollout is over`,
      fields: { listener },
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

/** Why a listener's canary cannot go on, `null` when it can or there is none. */
async function whyUnfit(name: string, state: TlsState): Promise<string | null> {
  try {
    const { canary } = epochPlan(name, state);
    if (canary !== null) await rehearse(canary.tls);
    return null;
  } catch (thrown) {
    return messageOf(thrown);
  }
}

const SENTENCES: Readonly<Record<Rollout['phase'], string>> = {
  canary: 'tried out on a part of the clients',
  promoted: 'in force for all clients',
  rolled_back: 'rolled back, the configured profile is in force',
};
