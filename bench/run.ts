import type { Bench } from './bench.ts';
import type { Case } from './case.ts';
import { stopRunning } from './children.ts';
import type { Times } from './load/plan.ts';
import { describeMachine } from './machine.ts';
import type { Measurement } from './measure.ts';
import { measure } from './measure.ts';
import type { ProfiledCase } from './profile/profile-case.ts';
import { profileCase, PROFILED_NAMES } from './profile/profile-case.ts';
import type { CaseResult, Results } from './results.ts';

/** What to run. */
export interface Run {
  readonly cases: readonly Case[];
  readonly rounds: number;
  readonly times: Times;
}

/** Told of each step: what begins, and what came of it. */
export interface Progress {
  begins(what: string): void;
  ended(outcome: string): void;
}

/**
 * Runs the cases round by round, so that whatever else happens on the machine meets all of them
 * alike. A case that fails is not tried again.
 *
 * @throws the reason of `interrupted` once that is aborted.
 */
export async function runAll(
  bench: Bench,
  run: Run,
  progress: Progress,
  interrupted: AbortSignal,
): Promise<Results> {
  const startedAt = new Date().toISOString();
  const states = run.cases.map((each) => new CaseState(each));
  for (let round = 1; round <= run.rounds; round += 1) {
    for (const state of states) {
      if (!state.runnable) continue;
      progress.begins(`round ${round}/${run.rounds}  ${state.definition.name}`);
      progress.ended(await state.runOnce(bench, run.times));
      interrupted.throwIfAborted();
    }
  }
  const profiles: ProfiledCase[] = [];
  for (const { runnable, definition } of states) {
    if (!runnable || !PROFILED_NAMES.includes(definition.name)) continue;
    progress.begins(`profile  ${definition.name}`);
    const { name, breakdown, measurement } = await profileCase(bench, definition, run.times);
    profiles.push({ name, breakdown, measurement });
    progress.ended('done');
  }
  return {
    startedAt,
    machine: describeMachine(bench.cores),
    rounds: run.rounds,
    windowSeconds: run.times.windowMs / 1000,
    cases: states.map((state) => state.result(startedAt)),
    profiles,
  };
}

class CaseState {
  readonly definition: Case;
  readonly #skipped: string | null;
  readonly #rounds: Measurement[] = [];
  #failed: string | null = null;

  constructor(definition: Case) {
    this.definition = definition;
    this.#skipped = definition.skipped();
  }

  get runnable(): boolean {
    return this.#skipped === null && this.#failed === null;
  }

  /** @returns what to tell about the round. */
  async runOnce(bench: Bench, times: Times): Promise<string> {
    try {
      const measurement = await measure(bench, this.definition, times);
      this.#rounds.push(measurement);
      const { calls, seconds, errors } = measurement.report.closed;
      const rate = `${Math.round(calls / seconds)}/s`;
      return errors === 0 ? rate : `${rate}, ${errors} errors`;
    } catch (error) {
      await stopRunning();
      this.#failed = error instanceof Error ? error.message : String(error);
      return `failed: ${this.#failed}`;
    }
  }

  /** @param run when the run began. */
  result(run: string): CaseResult {
    const { name, title, group, baseline } = this.definition;
    return {
      name,
      title,
      group,
      baseline,
      run,
      skipped: this.#skipped,
      failed: this.#failed,
      rounds: this.#rounds,
    };
  }
}
