import { randomBytes } from 'node:crypto';

/** Names of one process's record files: `calls-2026-11-23T01-02-03-456Z-ab12cd-000001.jsonl`. */
export interface FileNames {
  /** A name that sorts after all names given before. */
  next(): string;
}

interface NameParts {
  readonly started: string;
  readonly process: string;
  readonly sequence: number;
}

const PATTERN =
  /^calls-(\d{4}-\d{2}-\d{2}T\d{2}-\d{2}-\d{2}-\d{3}Z)-([0-9a-f]{6})-(\d{6,12})\.jsonl$/;

/**
 * Names for a process that started now. They carry its start, a random part that keeps two
 * processes apart, and a sequence number.
 */
export function fileNames(): FileNames {
  const started = new Date().toISOString().replace(/[:.]/g, '-');
  const process = randomBytes(3).toString('hex');
  let sequence = 0;
  return {
    next: () => {
      sequence += 1;
      return `calls-${started}-${process}-${String(sequence).padStart(6, '0')}.jsonl`;
    },
  };
}

/** The record files among these names, in the order of their processes' starts. */
export function inRecordOrder(names: readonly string[]): string[] {
  const files = names.flatMap((name) => {
    const parts = parse(name);
    return parts === undefined ? [] : [{ name, parts }];
  });
  return files.toSorted((a, b) => compare(a.parts, b.parts)).map(({ name }) => name);
}

function parse(name: string): NameParts | undefined {
  const [, started, process, sequence] = PATTERN.exec(name) ?? [];
  if (started === undefined || process === undefined) return undefined;
  return { started, process, sequence: Number(sequence) };
}

function compare(a: NameParts, b: NameParts): number {
  if (a.started !== b.started) return a.started < b.started ? -1 : 1;
  if (a.process !== b.process) return a.process < b.process ? -1 : 1;
  return a.sequence - b.sequence;
}
