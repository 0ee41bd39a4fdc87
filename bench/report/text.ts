import type { Results } from '../results.ts';
import { caseNamed } from '../results.ts';
import { summarise } from '../summary.ts';
import { measuredGoals } from './goals.ts';
import { stageTable } from './stage-table.ts';
import type { Table } from './table.ts';
import { renderTable } from './table.ts';
import { GROUP_TABLES } from './tables.ts';

/** The results for a terminal. */
export function renderText(results: Results): string {
  const tables: [string, Table][] = [
    ...Object.values(GROUP_TABLES).map(({ title, table }): [string, Table] => [
      title,
      table(results),
    ]),
    ...results.profiles.map(({ name, breakdown }): [string, Table] => {
      const each = caseNamed(results, name);
      const cost = each === undefined ? null : summarise(each, results.machine.cores);
      return [`CPU of ${name}`, stageTable(breakdown, cost)];
    }),
    ['Goals', measuredGoals(results)],
  ];
  const blocks = tables
    .filter(([, table]) => table.rows.length > 0)
    .map(([title, table]) => `\n${title}\n${renderTable(table)}`);
  return [...blocks, ...troubles(results)].join('\n');
}

/** What was left out, and why. */
export function troubles(results: Results): string[] {
  return results.cases.flatMap(({ name, skipped, failed, rounds }) => {
    if (skipped !== null) return [`${name} was skipped: ${skipped}.`];
    if (failed !== null) return [`${name} failed: ${failed.split('\n', 1)[0] ?? ''}`];
    const complaints = rounds.flatMap(({ report }) => [
      ...report.closed.complaints,
      ...(report.open?.complaints ?? []),
    ]);
    const [first] = complaints;
    return first === undefined ? [] : [`${name} had errors, such as: ${first}`];
  });
}
