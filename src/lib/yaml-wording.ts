import type { core } from 'zod';

/** The sentence for an issue whose schema brings none of its own. */
export function wording(issue: core.$ZodRawIssue): string | undefined {
  switch (issue.code) {
    case 'invalid_type':
      if (issue.input === undefined) return 'this key is missing';
      return `expected ${kindName(issue.expected)}${received(issue)}`;
    case 'invalid_value':
      return issue.input === undefined ? 'this key is missing' : 'this value is not allowed';
    case 'invalid_union':
      return issue.input === undefined ? 'this key is missing' : 'this value is not allowed';
    case 'too_small':
      return tooSmall(issue);
    case 'too_big':
      return `must be at most ${String(issue.maximum)}${unitOf(issue.origin)}`;
    case 'invalid_format':
      return `has the wrong form${issue.pattern === undefined ? '' : `; it must match ${issue.pattern}`}`;
    default:
      return undefined;
  }
}

function tooSmall(issue: core.$ZodRawIssue<core.$ZodIssueTooSmall>): string {
  const counted = ['string', 'array', 'set', 'map'].includes(issue.origin);
  if (counted && issue.minimum === 1) return 'must not be empty';
  return `must be at least ${String(issue.minimum)}${unitOf(issue.origin)}`;
}

function unitOf(origin: string): string {
  if (origin === 'string') return ' characters long';
  return origin === 'array' || origin === 'set' ? ' entries long' : '';
}

function received(issue: core.$ZodRawIssue<core.$ZodIssueInvalidType>): string {
  const { expected, input } = issue;
  if (expected === 'int' && typeof input === 'number') return '';
  const scalar = typeof input === 'number' || typeof input === 'boolean';
  const hint = expected === 'string' && scalar ? '; put it in quotes' : '';
  return `, got ${kindOf(input)}${hint}`;
}

/** zod's name of a kind, for people. */
export function kindName(kind: string): string {
  const names: Readonly<Record<string, string>> = {
    string: 'text',
    number: 'a number',
    int: 'a whole number',
    boolean: 'true or false',
    object: 'a mapping',
    record: 'a mapping',
    array: 'a list',
    null: 'nothing',
  };
  return names[kind] ?? kind;
}

function kindOf(value: unknown): string {
  if (value === null) return 'nothing';
  if (Array.isArray(value)) return 'a list';
  switch (typeof value) {
    case 'string':
      return 'text';
    case 'object':
      return 'a mapping';
    default:
      return typeof value === 'boolean' ? 'true or false' : `a ${typeof value}`;
  }
}
