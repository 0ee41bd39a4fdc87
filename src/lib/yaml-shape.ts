/**
 * Checks plain values against a zod schema and words what is wrong for people who write YAML. Only
 * types come from zod: whoever has a schema has loaded it already.
 */
import type { core, ZodType } from 'zod';
import { formatPath } from './yaml-diagnostics.ts';
import { maskUrls, REDACTED } from './yaml-secrets.ts';
import { nearest } from './yaml-suggest.ts';
import { kindName, wording } from './yaml-wording.ts';

/** One thing that is wrong with a value. */
export interface ShapeProblem {
  readonly path: readonly PropertyKey[];
  /** `key` when the key itself is wrong or stands for a missing value. Default `value`. */
  readonly at?: 'key' | 'value';
  readonly message: string;
  /** The offending value; shown short and masked where its path is secret. */
  readonly input?: unknown;
  readonly allowed?: readonly string[];
  readonly suggestion?: string;
}

/** What a check of a schema may say in the `params` of a custom issue. */
export type ProblemParams = Pick<ShapeProblem, 'allowed' | 'suggestion' | 'at'>;

/** What {@link checkShape} finds. */
export type ShapeResult<T> =
  | { readonly ok: true; readonly value: T }
  | { readonly ok: false; readonly problems: readonly ShapeProblem[] };

const UNKNOWN_KEY = 'unknown key';
/** A longer value is cut in messages. */
const MAX_VALUE_SHOWN = 60;

/** Checks a plain value against a schema. */
export function checkShape<T>(value: unknown, schema: ZodType<T>): ShapeResult<T> {
  // The finished issue no longer says which keys are known, the raw one's schema does.
  const knownKeys = new WeakMap<readonly string[], core.$ZodShape>();
  const result = schema.safeParse(value, {
    reportInput: true,
    error: (issue) => {
      const shape = shapeOf(issue.inst);
      if (issue.code === 'unrecognized_keys' && shape !== null) knownKeys.set(issue.keys, shape);
      return wording(issue);
    },
  });
  if (result.success) return { ok: true, value: result.data };
  const problems = result.error.issues.flatMap((issue) => problemsOf(issue, [], knownKeys));
  return { ok: false, problems: withoutConsequences(problems) };
}

/** A scalar for a message: short, on one line, without credentials. */
export function showValue(value: string | number | boolean, secret: boolean): string {
  if (secret) return REDACTED;
  const text = maskUrls(String(value).replaceAll(/\s+/g, ' '));
  return text.length > MAX_VALUE_SHOWN ? `${text.slice(0, MAX_VALUE_SHOWN)}…` : text;
}

type KnownKeys = WeakMap<readonly string[], core.$ZodShape>;

function problemsOf(
  issue: core.$ZodIssue,
  prefix: readonly PropertyKey[],
  knownKeys: KnownKeys,
): readonly ShapeProblem[] {
  const path = [...prefix, ...issue.path];
  const base = { path, message: issue.message, input: issue.input };
  if (issue.input === undefined && issue.code !== 'custom' && path.length > 0) {
    return [{ ...base, at: 'key' }];
  }
  switch (issue.code) {
    case 'unrecognized_keys':
      return issue.keys.map((key) => unknownKey(path, key, knownKeys.get(issue.keys) ?? {}));
    case 'invalid_key': {
      const message = issue.issues[0]?.message ?? issue.message;
      return [{ path, at: 'key', message, input: path.at(-1) }];
    }
    case 'invalid_value':
      return [{ ...base, ...choice(issue.input, issue.values.map(String)) }];
    case 'invalid_union':
      return unionProblems(issue, path, knownKeys);
    case 'custom':
      return [{ ...base, ...(issue.params as ProblemParams | undefined) }];
    default:
      return [base];
  }
}

/** A mapping with misspelled keys needs no second complaint about what it lacks as a whole. */
function withoutConsequences(problems: readonly ShapeProblem[]): readonly ShapeProblem[] {
  const misspelled = new Set(
    problems.filter(({ message }) => message === UNKNOWN_KEY).map(({ path }) => parentOf(path)),
  );
  return problems.filter(
    ({ path, input }) => typeof input !== 'object' || !misspelled.has(formatPath(path)),
  );
}

function parentOf(path: readonly PropertyKey[]): string {
  return formatPath(path.slice(0, -1));
}

function unknownKey(
  path: readonly PropertyKey[],
  key: string,
  shape: core.$ZodShape,
): ShapeProblem {
  const allowed = Object.keys(shape);
  const suggestion = nearest(key, allowed) ?? nestedKey(key, shape);
  return {
    path: [...path, key],
    at: 'key',
    message: UNKNOWN_KEY,
    input: key,
    allowed,
    ...(suggestion !== undefined && { suggestion }),
  };
}

/** `stdio.command` for a `command` that was written one level too high. */
function nestedKey(key: string, shape: core.$ZodShape): string | undefined {
  const parent = Object.keys(shape).find((name) => {
    const nested = shapeOf(shape[name]);
    return nested !== null && Object.hasOwn(nested, key);
  });
  return parent === undefined ? undefined : `${parent}.${key}`;
}

/** The keys of an object schema, also of an optional or defaulted one. */
function shapeOf(schema: unknown): core.$ZodShape | null {
  const def = (schema as { def?: core.$ZodTypes['_zod']['def'] } | undefined)?.def;
  if (def === undefined) return null;
  if (def.type === 'object') return def.shape;
  if ('innerType' in def) return shapeOf(def.innerType);
  return def.type === 'pipe' ? shapeOf(def.in) : null;
}

/**
 * The problems of the branch that was probably meant: the one that accepts the kind of value at
 * hand. When none does, one problem that names them all.
 */
function unionProblems(
  issue: core.$ZodIssueInvalidUnion,
  path: readonly PropertyKey[],
  knownKeys: KnownKeys,
): readonly ShapeProblem[] {
  const meant = issue.errors
    .filter((branch) => !branch.some(isWrongKind))
    .toSorted((a, b) => a.length - b.length)[0];
  if (meant !== undefined) return meant.flatMap((inner) => problemsOf(inner, path, knownKeys));
  const options = optionsOf(issue) ?? issue.errors.flatMap((branch) => branch.flatMap(valuesOf));
  const expected = issue.errors.flatMap((branch) => branch.flatMap(kindsOf));
  const message = expected.length > 0 ? `expected ${expected.join(' or ')}` : issue.message;
  return [{ path, message, input: issue.input, ...choice(issue.input, options.map(String)) }];
}

/** The values that tell the branches of a discriminated union apart. */
function optionsOf(issue: core.$ZodIssueInvalidUnion): readonly unknown[] | undefined {
  return 'options' in issue ? issue.options : undefined;
}

function isWrongKind(issue: core.$ZodIssue): boolean {
  const wrong = issue.code === 'invalid_type' || issue.code === 'invalid_value';
  return wrong && issue.path.length === 0;
}

function valuesOf(issue: core.$ZodIssue): readonly unknown[] {
  return issue.code === 'invalid_value' ? issue.values : [];
}

function kindsOf(issue: core.$ZodIssue): readonly string[] {
  if (issue.code === 'invalid_type') return [kindName(issue.expected)];
  return valuesOf(issue).map((value) => `"${String(value)}"`);
}

/** What is allowed instead of a value, and which of it was probably meant. */
function choice(input: unknown, allowed: readonly string[]): ProblemParams {
  if (allowed.length === 0) return {};
  // People who know YAML 1.1 write booleans for switches.
  const word = input === false ? 'off' : input === true ? 'on' : input;
  const suggestion = typeof word === 'string' ? nearest(word, allowed) : undefined;
  return { allowed, ...(suggestion !== undefined && { suggestion }) };
}
