/** Parameters of tools that clients mirror into headers (2026-07-28, Streamable HTTP, "Schema Extension"). */
import type { Frame, JsonObject } from './frame.ts';
import { isObject } from './frame.ts';
import type { SingleHeaders } from './headers.ts';
import { decodeHeaderValue, mismatch } from './headers.ts';

/** One parameter of a tool that an `Mcp-Param-*` header mirrors. */
export interface ParamHeader {
  /** Name of the header, lower case. */
  readonly header: string;
  /** Keys that lead from `params.arguments` to the value. */
  readonly path: readonly string[];
  readonly type: 'string' | 'integer' | 'boolean';
}

/** What a tool's schema says of headers; a `fault` makes the tool one that clients have to leave out. */
export type ParamHeaders =
  { readonly fault: null; readonly headers: readonly ParamHeader[] } | { readonly fault: string };

const ANNOTATION = 'x-mcp-header';

/** What the name of a header may consist of (RFC 9110 §5.1). */
const TOKEN = /^[!#$%&'*+\-.^_`|~0-9A-Za-z]+$/;

/** Real tools have a handful; each costs a comparison a call. */
const MAX_HEADERS = 64;
const MAX_NAME_LENGTH = 256;

/** Keywords with one schema or an array of them, at which no annotation may stand. */
const SUBSCHEMAS = [
  'items',
  'prefixItems',
  'contains',
  'additionalItems',
  'additionalProperties',
  'unevaluatedItems',
  'unevaluatedProperties',
  'propertyNames',
  'oneOf',
  'anyOf',
  'allOf',
  'not',
  'if',
  'then',
  'else',
];

/** Keywords with schemas by name, at which no annotation may stand. */
const NAMED_SUBSCHEMAS = ['patternProperties', 'dependentSchemas', '$defs', 'definitions'];

/** Reads the annotations `x-mcp-header` of a tool's `inputSchema`, whose depth is bounded already. */
export function paramHeadersOf(inputSchema: unknown): ParamHeaders {
  const headers: ParamHeader[] = [];
  try {
    collect(inputSchema, [], headers);
  } catch (thrown) {
    if (thrown instanceof Fault) return { fault: thrown.message };
    throw thrown;
  }
  return { fault: null, headers };
}

/** The value that a header mirrors; `undefined` when the arguments have none that a header carries. */
export function mirroredValue(
  args: unknown,
  path: readonly string[],
): string | number | boolean | undefined {
  let value = args;
  for (const key of path) {
    if (!isObject(value) || !Object.hasOwn(value, key)) return undefined;
    value = value[key];
  }
  if (typeof value === 'string' || typeof value === 'boolean') return value;
  if (typeof value !== 'number') return undefined;
  return Number.isInteger(value) && !Number.isSafeInteger(value) ? undefined : value;
}

/**
 * Makes sure that the headers of a `tools/call` say what its arguments say ("Server Behavior for Custom
 * Headers"). A header for a value that is not there differs from the body, too.
 *
 * @param annotations of the tool that the call names.
 * @throws HeaderMismatch when one is missing, malformed or different.
 */
export function checkParamHeaders(
  headers: SingleHeaders,
  frame: Frame,
  annotations: readonly ParamHeader[],
): void {
  if (frame.kind !== 'request') return;
  for (const { header, path, type } of annotations) {
    const value = mirroredValue(frame.params['arguments'], path);
    const sent = headers[header];
    if (sent === undefined) {
      if (value !== undefined) throw mismatch(header, 'is missing');
      continue;
    }
    const text = decodeHeaderValue(header, sent);
    if (value === undefined) throw mismatch(header, 'has no counterpart in the body');
    const same = type === 'integer' && isDecimal(text) ? Number(text) === value : false;
    if (!same && text !== String(value)) throw mismatch(header, 'differs from the body');
  }
}

/** Integers are compared as numbers: 42.0 is 42 ("Server Validation"). */
function isDecimal(text: string): boolean {
  return /^-?\d{1,32}(?:\.\d{1,32})?$/.test(text);
}

class Fault extends Error {}

function collect(schema: unknown, path: readonly string[], found: ParamHeader[]): void {
  if (!isObject(schema)) return;
  if (Object.hasOwn(schema, ANNOTATION)) found.push(annotated(schema, path, found));
  for (const [key, property] of entriesOf(schema['properties'])) {
    collect(property, [...path, key], found);
  }
  for (const keyword of SUBSCHEMAS) refuseAnnotations(schema[keyword]);
  for (const keyword of NAMED_SUBSCHEMAS) {
    for (const [, sub] of entriesOf(schema[keyword])) refuseAnnotations(sub);
  }
}

function annotated(
  schema: JsonObject,
  path: readonly string[],
  found: readonly ParamHeader[],
): ParamHeader {
  const { [ANNOTATION]: name, type } = schema;
  if (path.length === 0) throw new Fault('the schema itself is annotated');
  if (typeof name !== 'string' || name.length > MAX_NAME_LENGTH || !TOKEN.test(name)) {
    throw new Fault('an annotation is no name of a header');
  }
  if (type !== 'string' && type !== 'integer' && type !== 'boolean') {
    throw new Fault('an annotated property is neither a string nor an integer nor a boolean');
  }
  const header = `mcp-param-${name.toLowerCase()}`;
  if (found.some((other) => other.header === header)) throw new Fault('two annotations are alike');
  if (found.length >= MAX_HEADERS) throw new Fault(`more than ${MAX_HEADERS} annotations`);
  return { header, path, type };
}

/** Whatever hangs below such a keyword cannot be reached by a chain of `properties` alone. */
function refuseAnnotations(schemas: unknown): void {
  for (const schema of Array.isArray(schemas) ? (schemas as readonly unknown[]) : [schemas]) {
    const misplaced: ParamHeader[] = [];
    collect(schema, ['?'], misplaced);
    if (misplaced.length > 0) throw new Fault('an annotation stands below another keyword');
  }
}

function entriesOf(value: unknown): readonly (readonly [string, unknown])[] {
  return isObject(value) ? Object.entries(value) : [];
}
