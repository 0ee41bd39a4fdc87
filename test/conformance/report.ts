/** What the conformance suite found, read from the files that it leaves. */
import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';

/** How a check ended; the suite's `INFO` lines are no checks. */
export type Status = 'SUCCESS' | 'WARNING' | 'SKIPPED' | 'FAILURE';

/** One check of a scenario. An id may occur several times. */
export interface Check {
  readonly id: string;
  readonly status: Status;
  /** What was wrong; empty for a check that succeeded. */
  readonly message: string;
}

/** The checks of each scenario. */
export type Report = ReadonlyMap<string, readonly Check[]>;

/** A directory is named after the side that is tested, the scenario, and the time. */
const DIRECTORY = /^(?:server-)?(.+)-\d{4}-\d\d-\d\dT[\d-]+Z$/;

/** Reads a directory of results. @throws Error when there is none in it. */
export async function readReport(directory: string): Promise<Report> {
  const report = new Map<string, readonly Check[]>();
  for (const entry of (await readdir(directory)).toSorted()) {
    const scenario = DIRECTORY.exec(entry)?.[1];
    if (scenario === undefined) continue;
    report.set(scenario, await readChecks(join(directory, entry, 'checks.json'), scenario));
  }
  if (report.size === 0) throw new Error('the suite left no results');
  return report;
}

interface WrittenCheck {
  readonly id: string;
  readonly status: Status | 'INFO';
  readonly errorMessage?: string;
}

async function readChecks(file: string, scenario: string): Promise<readonly Check[]> {
  const text = await readFile(file, 'utf8').catch(() => null);
  // The suite writes the file when a scenario has run to its end.
  if (text === null) return [{ id: scenario, status: 'FAILURE', message: 'it broke off' }];
  return (JSON.parse(text) as readonly WrittenCheck[]).flatMap(({ id, status, errorMessage }) =>
    status === 'INFO' ? [] : [{ id, status, message: errorMessage ?? '' }],
  );
}
