import { posix } from 'node:path';
import type { Reference } from './references.ts';
import { referencesOf } from './references.ts';
import { IMPLEMENTATIONS, LEVELS, ROOT_ROOM, SAME_LEVEL } from './rooms.ts';
import { tokenize } from './tokens.ts';

/** One file of the repository. */
export interface SourceFile {
  /** From the repository's root, with slashes. */
  readonly path: string;
  readonly text: string;
}

/** One thing that is not as it should be, `src/tls/front.ts:3: …`. */
export type Violation = string;

/** What was found, and how much was looked at to find it. */
export interface ImportReport {
  readonly violations: readonly Violation[];
  readonly references: number;
  /** Imports between rooms that a listed exception admits, `policy→crypto`. */
  readonly exceptionsUsed: ReadonlySet<string>;
}

/**
 * Checks every import of the files against the rooms.
 *
 * @param dependencies are the packages that the product may use.
 */
export function checkImports(
  files: readonly SourceFile[],
  dependencies: readonly string[],
): ImportReport {
  const violations: Violation[] = [];
  const exceptionsUsed = new Set<string>();
  let references = 0;
  for (const { path, text } of files) {
    for (const reference of referencesOf(tokenize(text))) {
      references += 1;
      const problem = problemWith(path, reference, dependencies, exceptionsUsed);
      if (problem !== null) violations.push(`${path}:${reference.line}: ${problem}`);
    }
  }
  return { violations, references, exceptionsUsed };
}

/** The room of a file in `src/`, `null` for any other file. */
export function roomOf(path: string): string | null {
  const [top, room, inside] = path.split('/');
  return top === 'src' && inside !== undefined ? (room ?? null) : null;
}

/** Whether a file exists for tests alone. */
export function isTestCode(path: string): boolean {
  return (
    path.startsWith('test/') ||
    /\.(test|fixture)\.ts$/.test(path) ||
    /\/(fixtures\/|test-support\.ts$)/.test(path)
  );
}

function problemWith(
  path: string,
  { specifier }: Reference,
  dependencies: readonly string[],
  exceptionsUsed: Set<string>,
): string | null {
  const product = path.startsWith('src/') && !isTestCode(path);
  if (specifier === null) return product ? 'imports something computed' : null;
  if (specifier.startsWith('.')) return relativeProblem(path, specifier, product);
  if (specifier.startsWith('#')) {
    const target = specifier.slice(1);
    if (LEVELS[target] === undefined || target === ROOT_ROOM) return `"${specifier}" is no door`;
    return product ? doorProblem(roomOf(path) ?? '', target, exceptionsUsed) : null;
  }
  if (!product || specifier.startsWith('node:')) return null;
  const name = specifier.split('/', specifier.startsWith('@') ? 2 : 1).join('/');
  return dependencies.includes(name) ? null : `"${name}" is no runtime dependency`;
}

function relativeProblem(path: string, specifier: string, product: boolean): string | null {
  const target = posix.join(posix.dirname(path), specifier);
  const room = roomOf(path);
  if (roomOf(target) !== null && roomOf(target) !== room) {
    return `"${specifier}" enters a room past its door`;
  }
  if (!product) return null;
  if (roomOf(target) !== room) return `"${specifier}" leaves the room`;
  return isTestCode(target) ? `"${specifier}" is test code` : null;
}

function doorProblem(room: string, target: string, exceptionsUsed: Set<string>): string | null {
  if (room === target) return `"#${target}" is this room’s own door`;
  if (IMPLEMENTATIONS.includes(target) && room !== ROOT_ROOM) {
    return `"#${target}" is for ${ROOT_ROOM} alone`;
  }
  const [from = -1, to = -1] = [LEVELS[room], LEVELS[target]];
  if (to < from) return null;
  if (SAME_LEVEL.some((exception) => exception.from === room && exception.to === target)) {
    exceptionsUsed.add(`${room}→${target}`);
    return null;
  }
  return `${room} (level ${from}) may not import ${target} (level ${to})`;
}
