import type { Report } from './report.ts';
import { testServer } from './suite.ts';
import type { Path, PathName } from './paths.ts';

/** One choice of the suite's scenarios. */
export interface Selection {
  readonly title: string;
  /** Options of the suite. */
  readonly options: readonly string[];
}

/** What each path came to in one selection. */
export interface ServerRun {
  readonly title: string;
  readonly reports: ReadonlyMap<PathName, Report>;
}

/** All scenarios of each revision that the suite knows, and for the newest its extension of tasks. */
export const SELECTIONS: readonly Selection[] = [
  ...['2025-03-26', '2025-06-18', '2025-11-25'].map((revision) => ({
    title: revision,
    options: ['--suite', 'all', '--spec-version', revision],
  })),
  { title: '2026-07-28', options: ['--requirements', '2026-07-28'] },
];

/** Runs a selection over every path, one after the other. */
export async function runSelection(
  { title, options }: Selection,
  paths: readonly Path[],
): Promise<ServerRun> {
  const reports = new Map<PathName, Report>();
  for (const { name, url } of paths) reports.set(name, await testServer(url, options));
  return { title, reports };
}
