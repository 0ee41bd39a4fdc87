/**
 * Reads YAML configuration files: text in, a checked value or everything that is wrong with it out,
 * each problem with its line and column.
 */
import type { ZodType } from 'zod';
import type { Diagnostic } from './yaml-diagnostics.ts';
import { byPosition, formatPath } from './yaml-diagnostics.ts';
import { isSecretPath } from './yaml-secrets.ts';
import type { ShapeProblem } from './yaml-shape.ts';
import { checkShape, showValue } from './yaml-shape.ts';
import type { ParsedYaml } from './yaml-parse.ts';
import { parseYaml } from './yaml-parse.ts';

/** A path into a document: keys of mappings and indexes of lists. */
export type YamlPath = readonly PropertyKey[];

/** One-based line and column. */
interface YamlPosition {
  readonly line: number;
  readonly column: number;
}

/** Where the values of a document stand, for checks that go beyond its shape. */
export interface YamlSource {
  readonly file: string;
  /** Whether the document itself has the value, rather than a default. */
  has(path: YamlPath): boolean;
  /**
   * Position of the value at the path, or of its key. For a path that the document does not have,
   * the key of the nearest mapping around it.
   */
  positionOf(path: YamlPath, part?: 'key' | 'value'): YamlPosition;
  /** A diagnostic about the value at the path, or about its key. */
  diagnose(problem: ShapeProblem): Diagnostic;
}

/** What {@link readYaml} makes of a text. */
export type YamlResult<T> =
  | { readonly ok: true; readonly value: T; readonly source: YamlSource }
  | { readonly ok: false; readonly diagnostics: readonly Diagnostic[] };

/** Further diagnostics are dropped: nobody reads them, and hostile text has any number. */
const MAX_DIAGNOSTICS = 100;

/**
 * Reads a text as one YAML document and checks it against a schema. Never throws on whatever text.
 *
 * Mappings of the schema should be strict objects: their unknown keys are reported with the key that
 * was probably meant. Checks of the schema may add `params: {allowed, suggestion}` to custom issues.
 *
 * @param file Name for the diagnostics; nothing is read from it.
 */
export function readYaml<T>(text: string, file: string, schema: ZodType<T>): YamlResult<T> {
  const parsed = parseYaml(text);
  const source = sourceOf(parsed, file);
  const diagnostics = parsed.problems.map(({ offset, ...problem }): Diagnostic => ({
    file,
    path: '',
    ...parsed.positionAt(offset),
    ...problem,
  }));
  if (!parsed.complete) return rejected(diagnostics);
  const shape = checkShape(parsed.value, schema);
  if (shape.ok && diagnostics.length === 0) return { ok: true, value: shape.value, source };
  const shapeProblems = shape.ok ? [] : shape.problems;
  return rejected([...diagnostics, ...shapeProblems.map((problem) => source.diagnose(problem))]);
}

function rejected(diagnostics: readonly Diagnostic[]): YamlResult<never> {
  return { ok: false, diagnostics: diagnostics.toSorted(byPosition).slice(0, MAX_DIAGNOSTICS) };
}

function sourceOf(parsed: ParsedYaml, file: string): YamlSource {
  const positionOf = (path: YamlPath, part: 'key' | 'value' = 'value'): YamlPosition => {
    const { located, complete } = locate(parsed, path);
    const wantsKey = part === 'key' || !complete;
    return parsed.positionAt(wantsKey ? (located.keyOffset ?? located.offset) : located.offset);
  };
  return {
    file,
    has: (path) => locate(parsed, path).complete,
    positionOf,
    diagnose: (problem) => ({
      file,
      ...positionOf(problem.path, problem.at),
      path: formatPath(problem.path),
      message: problem.message,
      ...shownValue(problem),
      ...(problem.allowed && { allowed: problem.allowed }),
      ...(problem.suggestion !== undefined && { suggestion: problem.suggestion }),
    }),
  };
}

/** Names of keys are no secrets, and mappings and lists are too long to show. */
function shownValue({ at, input, path }: ShapeProblem): { value?: string } {
  if (typeof input !== 'string' && typeof input !== 'number' && typeof input !== 'boolean') {
    return {};
  }
  return { value: showValue(input, at !== 'key' && isSecretPath(path)) };
}

/** The value at the path, or the innermost one around it that exists. */
function locate(
  parsed: ParsedYaml,
  path: YamlPath,
): { located: ParsedYaml['located']; complete: boolean } {
  let located = parsed.located;
  for (const key of path) {
    const child = typeof key === 'symbol' ? undefined : located.children.get(key);
    if (child === undefined) return { located, complete: false };
    located = child;
  }
  return { located, complete: true };
}
