/** What is lost between two runs of the suite. */
import type { Check, Report, Status } from './report.ts';

/** A check that ended worse through the gateway than without it. */
export interface Loss {
  readonly scenario: string;
  readonly check: string;
  /** How it ended without the gateway; `absent` when it did not come up. */
  readonly direct: Status | 'absent';
  readonly through: Status | 'absent';
  /** What the suite says was wrong. */
  readonly message: string;
}

/** From bad to good. */
const ORDER: readonly (Status | 'absent')[] = [
  'absent',
  'FAILURE',
  'WARNING',
  'SKIPPED',
  'SUCCESS',
];

/** Every check that ended worse, or not at all; also one that only failed to come up before. */
export function lossesOf(direct: Report, through: Report): readonly Loss[] {
  const scenarios = new Set([...direct.keys(), ...through.keys()]);
  return [...scenarios].flatMap((scenario) => {
    const before = byId(direct.get(scenario) ?? []);
    const after = byId(through.get(scenario) ?? []);
    return [...new Set([...before.keys(), ...after.keys()])].flatMap((check) =>
      compareOccurrences(scenario, check, before.get(check) ?? [], after.get(check) ?? []),
    );
  });
}

/** An id that occurs several times is a loop over cases, in the same order in every run. */
function compareOccurrences(
  scenario: string,
  check: string,
  before: readonly Check[],
  after: readonly Check[],
): readonly Loss[] {
  const losses: Loss[] = [];
  for (let index = 0; index < Math.max(before.length, after.length); index += 1) {
    const direct = before[index]?.status ?? 'absent';
    const through = after[index]?.status ?? 'absent';
    if (!isWorse(direct, through)) continue;
    const message = after[index]?.message ?? 'the check did not come up';
    losses.push({ scenario, check, direct, through, message });
  }
  return losses;
}

function isWorse(direct: Loss['direct'], through: Loss['through']): boolean {
  // Some checks come up only when they fail.
  const least = direct === 'absent' ? 'SKIPPED' : direct;
  return ORDER.indexOf(through) < ORDER.indexOf(least);
}

function byId(checks: readonly Check[]): ReadonlyMap<string, readonly Check[]> {
  return Map.groupBy(checks, ({ id }) => id);
}
