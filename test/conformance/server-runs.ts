import type { Path } from './paths.ts';
import type { Report } from './report.ts';
import { testServer } from './suite.ts';
import type { Part } from './verdict.ts';

/** One choice of the suite's scenarios. */
export interface ServerSelection {
  readonly title: string;
  /** Options of the suite, for each time that it is run. */
  readonly options: readonly (readonly string[])[];
}

/** The suite takes its scenarios for the extension one by one. */
const SKILLS = ['enumeration', 'manifest', 'directory'];

/** All scenarios of each revision that the suite knows; the newest includes the extension of tasks. */
export const SERVER_SELECTIONS: readonly ServerSelection[] = [
  ...['2025-03-26', '2025-06-18', '2025-11-25'].map((revision) => ({
    title: revision,
    options: [['--suite', 'all', '--spec-version', revision]],
  })),
  { title: '2026-07-28', options: [['--requirements', '2026-07-28']] },
  {
    title: 'Skills',
    options: SKILLS.map((name) => ['--scenario', `sep-2640-skills-${name}`]),
  },
];

/** Runs a selection over every path, one after the other. */
export async function runServers(
  { title, options }: ServerSelection,
  paths: readonly Path[],
): Promise<Part> {
  const reports = new Map<string, Report>();
  for (const { name, url } of paths) {
    const runs: Report[] = [];
    for (const each of options) runs.push(await testServer(url, each));
    reports.set(name, new Map(runs.flatMap((report) => Array.from(report))));
  }
  return { title, reports };
}
