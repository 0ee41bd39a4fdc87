import { z } from 'zod';
import { RolloutRefused } from './errors.ts';

/**
 * A change of a listener's profile in stages: tried out on a part of the clients, then for all of
 * them or for none.
 */
export interface Rollout {
  /** Name of the profile that is being introduced. */
  readonly profile: string;
  /** What the configuration named when it began: if that has changed since, the rollout is moot. */
  readonly configured: string;
  readonly phase: 'canary' | 'promoted' | 'rolled_back';
  /** Part of the connections that get the profile during the canary phase, 0 to 100. */
  readonly percent: number;
  /** Whether a client address gets the same profile on each connection. */
  readonly sticky: boolean;
  /** Start of the phase, in ISO 8601. */
  readonly since: string;
  /** Why it was rolled back, `null` when somebody asked for it. */
  readonly reason: string | null;
}

/** The rollouts of a gateway, by name of the listener. */
export type Rollouts = ReadonlyMap<string, Rollout>;

/** What to try out on a listener. */
export interface RolloutStart {
  readonly profile: string;
  readonly percent: number;
  readonly sticky: boolean;
}

/** The shape of rollout.json. */
export const rolloutFileSchema = z.strictObject({
  version: z.literal(1),
  listeners: z.record(
    z.string(),
    z.strictObject({
      profile: z.string(),
      configured: z.string(),
      phase: z.enum(['canary', 'promoted', 'rolled_back']),
      percent: z.number().min(0).max(100),
      sticky: z.boolean(),
      since: z.string(),
      reason: z.string().nullable(),
    }),
  ),
});

/** The name of the profile that a listener's stable epoch has. */
export function stableProfile(configured: string, rollout: Rollout | undefined): string {
  return rollout?.phase === 'promoted' ? rollout.profile : configured;
}

/**
 * A rollout begins, or goes on with another percentage.
 *
 * @throws RolloutRefused when another profile is being tried out, or the profile is in force already.
 */
export function start(
  current: Rollout | undefined,
  configured: string,
  wanted: RolloutStart,
): Rollout {
  if (current?.phase === 'canary' && current.profile !== wanted.profile) {
    throw new RolloutRefused(`profile "${current.profile}" is being tried out already`);
  }
  if (current?.phase === 'promoted') {
    throw new RolloutRefused(
      `profile "${current.profile}" was promoted: write it into the configuration first, or roll back`,
    );
  }
  if (wanted.profile === configured) {
    throw new RolloutRefused(`profile "${configured}" is in force already`);
  }
  return { ...wanted, configured, phase: 'canary', since: now(), reason: null };
}

/**
 * The canary becomes what all clients get.
 *
 * @throws RolloutRefused when nothing is being tried out.
 */
export function promote(current: Rollout | undefined): Rollout {
  if (current?.phase !== 'canary') throw new RolloutRefused('nothing is being tried out');
  return { ...current, phase: 'promoted', since: now() };
}

/**
 * What the configuration names becomes what all clients get, also after a promotion.
 *
 * @param reason `null` when somebody asked for it
 * @throws RolloutRefused when there is nothing to roll back, or nothing that rolls back by itself.
 */
export function rollBack(current: Rollout | undefined, reason: string | null): Rollout {
  if (current === undefined || current.phase === 'rolled_back') {
    throw new RolloutRefused('there is nothing to roll back');
  }
  // Found out about a canary that was promoted meanwhile: somebody's word counts for more.
  if (reason !== null && current.phase !== 'canary') {
    throw new RolloutRefused('what was tried out has been promoted');
  }
  return { ...current, phase: 'rolled_back', since: now(), reason };
}

function now(): string {
  return new Date().toISOString();
}
