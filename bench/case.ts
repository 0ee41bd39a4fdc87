import type { Bench } from './bench.ts';
import type { CallShape } from './load/plan.ts';
import type { Subject } from './subjects/subject.ts';

/** One thing to measure. */
export interface Case {
  readonly name: string;
  /** What it is, for the table. */
  readonly title: string;
  readonly group: Group;
  /** Name of the case to compare with, in the same group. */
  readonly baseline: string | null;
  /** Whether the subject is a Node.js program that takes options for Node.js. */
  readonly profilable: boolean;
  /** Why it cannot run here, `null` when it can. */
  skipped(): string | null;
  readonly load: CaseLoad;
}

/** The table that a case belongs to. */
export type Group = 'http' | 'stdio' | 'large' | 'streams' | 'handshakes' | 'workers';

/** How a case is driven. */
export type CaseLoad = SubjectLoad | { readonly kind: 'sdk-stdio'; readonly inFlight: number };

/** How a subject is driven that the benchmark starts. */
export type SubjectLoad =
  | {
      readonly kind: 'calls';
      readonly start: Start;
      readonly connections: number;
      readonly shape: CallShape;
    }
  | { readonly kind: 'stream'; readonly start: Start }
  | { readonly kind: 'handshakes'; readonly start: Start; readonly connections: number };

/**
 * Starts a subject.
 *
 * @param nodeOptions Options for the subject's Node.js, such as those of the profiler.
 */
export type Start = (bench: Bench, nodeOptions: readonly string[]) => Promise<Subject>;
