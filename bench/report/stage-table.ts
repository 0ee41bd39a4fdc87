import type { Breakdown, Share } from '../profile/breakdown.ts';
import type { Summary } from '../summary.ts';
import { microseconds, NOTHING, percent } from './cells.ts';
import type { Table } from './table.ts';
import { left, right } from './table.ts';

/** Smaller stages are summed up. */
const SMALLEST_SHARE = 0.005;

/** CPU time per call, microseconds. */
export type UnprofiledCost = Pick<Summary, 'usPerCall' | 'mainThreadUsPerCall'>;

/**
 * Where a profiled case spends its time, by stage.
 *
 * @param cost that of the same case without a profiler, which the shares are applied to; `null` when
 *   it was not measured.
 */
export function stageTable({ stages }: Breakdown, cost: UnprofiledCost | null): Table {
  const mainThread = cost?.mainThreadUsPerCall ?? Number.NaN;
  const shown = stages.filter(({ share }) => share >= SMALLEST_SHARE);
  const rest = 1 - shown.reduce((sum, { share }) => sum + share, 0);
  const others = (cost?.usPerCall.median ?? Number.NaN) - mainThread;
  const rows = [...shown, { name: 'the rest', share: rest, inclusive: null }].map((stage) =>
    rowOf(stage, mainThread),
  );
  if (others > 0) rows.push(['other threads', NOTHING, microseconds(others), NOTHING]);
  return { columns: columnsFor('stage'), rows };
}

/** Functions of a profiled case. */
export function functionTable(functions: readonly Share[], mainThreadUs: number): Table {
  return {
    columns: columnsFor('function'),
    rows: functions.map((one) => rowOf(one, mainThreadUs)),
  };
}

function columnsFor(of: string): Table['columns'] {
  return [left(of), right('share'), right('≈ µs/call'), right('with what it calls')];
}

function rowOf({ name, share, inclusive }: Share, mainThreadUs: number): string[] {
  const whole = inclusive === null ? NOTHING : microseconds(inclusive * mainThreadUs);
  return [name, percent(share), microseconds(share * mainThreadUs), whole];
}
