import type { Path } from './paths.ts';
import type { Report } from './report.ts';
import { testServer } from './suite.ts';
import type { Part } from './verdict.ts';

/** One choice of the suite's scenarios. */
export interface ServerSelection {
  readonly title: string;
  /** Options of the suite. */
  readonly options: readonly string[];
}

/** All scenarios of each revision that the suite knows, and for the newest its extension of tasks. */
export const SERVER_SELECTIONS: readonly ServerSelection[] = [
  ...['2025-03-26', '2025-06-18', '2025-11-25'].map((revision) => ({
    title: revision,
    options: ['--suite', 'all', '--spec-version', revision],
  })),
  { title: '2026-07-28', options: ['--requirements', '2026-07-28'] },
];

/** Runs a selection over every path, one after the other. */
export async function runServers(
  { title, options }: ServerSelection,
  paths: readonly Path[],
): Promise<Part> {
  const reports = new Map<string, Report>();
  for (const { name, url } of paths) reports.set(name, await testServer(url, options));
  return { title, reports };
}
