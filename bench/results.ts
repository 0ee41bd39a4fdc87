import type { Group } from './case.ts';
import type { Machine } from './machine.ts';
import type { Measurement } from './measure.ts';
import type { ProfiledCase } from './profile/profile-case.ts';

/** Everything of one run, or what the published page was made of. */
export interface Results {
  /** ISO 8601. */
  readonly startedAt: string;
  readonly machine: Machine;
  readonly rounds: number;
  readonly windowSeconds: number;
  readonly cases: readonly CaseResult[];
  readonly profiles: readonly ProfiledCase[];
}

/** One case over all rounds. */
export interface CaseResult {
  readonly name: string;
  readonly title: string;
  readonly group: Group;
  readonly baseline: string | null;
  /** When its run began, ISO 8601: rounds of different runs do not compare. */
  readonly run: string;
  /** Why it was not run. */
  readonly skipped: string | null;
  /** Why it could not be finished; the rounds before that are kept. */
  readonly failed: string | null;
  readonly rounds: readonly Measurement[];
}

/** The case of that name, if it was to be run. */
export function caseNamed({ cases }: Results, name: string): CaseResult | undefined {
  return cases.find((each) => each.name === name);
}

/** Whether anything went wrong. */
export function hasErrors({ cases }: Results): boolean {
  return cases.some(
    ({ failed, rounds }) =>
      failed !== null ||
      rounds.some(({ report }) => report.closed.errors + (report.open?.errors ?? 0) > 0),
  );
}
