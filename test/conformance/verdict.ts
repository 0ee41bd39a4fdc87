import type { Loss } from './compare.ts';
import { lossesOf } from './compare.ts';
import type { Gap } from './gaps.ts';
import type { Report } from './report.ts';

/** One revision and role, over every path; the first path is `direct`. */
export interface Part {
  readonly title: string;
  readonly reports: ReadonlyMap<string, Report>;
}

/** A check that does not pass, and where. */
export interface Finding {
  readonly part: string;
  readonly path: string;
  readonly loss: Loss;
}

/** What a run comes to. */
export interface Verdict {
  /** Checks that are lost although no gap names them. */
  readonly unexpected: readonly Finding[];
  /** Gaps that name nothing that is lost. */
  readonly outdated: readonly Gap[];
}

/** Holds the losses of all parts against the known gaps. */
export function verdictOf(parts: readonly Part[], gaps: readonly Gap[]): Verdict {
  const findings = parts.flatMap(findingsOf);
  const isNamed = (finding: Finding): boolean => gaps.some((gap) => names(gap, finding));
  return {
    unexpected: findings.filter((finding) => !isNamed(finding)),
    outdated: gaps.filter((gap) => !findings.some((finding) => names(gap, finding))),
  };
}

/** What the other paths lose against the direct one, and what does not even pass there. */
function findingsOf({ title, reports }: Part): readonly Finding[] {
  const direct = reports.get('direct') ?? new Map<string, never>();
  return [...reports].flatMap(([path, report]) => {
    const before = path === 'direct' ? new Map<string, never>() : direct;
    return lossesOf(before, report).map((loss) => ({ part: title, path, loss }));
  });
}

function names(gap: Gap, { part, path, loss }: Finding): boolean {
  return (
    gap.part === part &&
    gap.path === path &&
    gap.scenario === loss.scenario &&
    gap.check === loss.check
  );
}
