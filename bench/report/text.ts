import type { Results } from '../results.ts';
import type { Table } from './tables.ts';
import { breakdownTable, handshakeTable, httpTable, renderTable, stdioTable } from './tables.ts';

/** The results for a terminal. */
export function renderText(results: Results): string {
  const tables: [string, Table][] = [
    ['HTTP', httpTable(results)],
    ['stdio', stdioTable(results)],
    ['Handshakes', handshakeTable(results)],
    ...results.profiles.map(({ name }): [string, Table] => [
      `CPU of ${name}`,
      breakdownTable(results, name),
    ]),
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
