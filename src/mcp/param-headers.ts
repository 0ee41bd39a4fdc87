/** Parameters of tools that clients mirror into headers (2026-07-28, Streamable HTTP, "Schema Extension"). */
import { parseJson } from '#lib';
import type { Frame, JsonObject, NotificationFrame, RequestFrame } from './frame.ts';
import { isObject } from './frame.ts';
import type { SingleHeaders } from './headers.ts';
import { decodeHeaderValue, mismatch } from './headers.ts';
import { WrittenNumber } from './written-number.ts';

/** One parameter of a tool that an `Mcp-Param-*` header mirrors. */
export interface ParamHeader {
  /** Name of the header, lower case. */
  readonly header: string;
  /** Keys that lead from `params.arguments` to the value. */
  readonly path: readonly string[];
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

/**
 * The texts of the headers that mirror arguments of a `tools/call`, lower-case names. Arguments that are
 * absent, null or no primitive have none, nor have integers that some reader would round: they must not
 * be used with headers.
 */
export function textsOfParams(
  frame: RequestFrame | NotificationFrame,
  annotations: readonly ParamHeader[],
): readonly (readonly [header: string, text: string])[] {
  return mirrored(frame, annotations).flatMap(({ header, value }) => {
    const text = value === undefined ? undefined : textOf(value);
    return text === undefined ? [] : [[header, text] as const];
  });
}

/**
 * Makes sure that the headers of a `tools/call` say what its arguments say ("Server Behavior for Custom
 * Headers"). A header for a value that is not there differs from the body, too. Numbers are compared as
 * numbers ("Server Validation"), exactly.
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
  for (const { header, value } of mirrored(frame, annotations)) {
    const sent = headers[header];
    if (sent === undefined) {
      if (value !== undefined && textOf(value) !== undefined) throw mismatch(header, 'is missing');
      continue;
    }
    const text = decodeHeaderValue(header, sent);
    if (value === undefined) throw mismatch(header, 'has no counterpart in the body');
    if (!says(text, value)) throw mismatch(header, 'differs from the body');
  }
}

/** A value that a header can mirror. */
type Primitive = string | boolean | WrittenNumber;

/** What a header has to say of a value; `undefined` for what none should. */
function textOf(value: Primitive): string | undefined {
  if (!(value instanceof WrittenNumber)) return String(value);
  if (value.isInteger) return value.safeInteger?.toString();
  const short = String(Number(value.text));
  return value.isSaidBy(short) ? short : value.text;
}

function says(text: string, value: Primitive): boolean {
  if (!(value instanceof WrittenNumber)) return text === String(value);
  // An integer has to be there in digits; whoever reads 1e3 up to the letter has another one.
  return value.isSaidBy(text) || (!value.isInteger && text === value.text);
}

/** Each header with its value, `undefined` when the arguments have none that a header mirrors. */
function mirrored(
  frame: RequestFrame | NotificationFrame,
  annotations: readonly ParamHeader[],
): readonly { readonly header: string; readonly value: Primitive | undefined }[] {
  if (annotations.length === 0) return [];
  const args = writtenArguments(frame);
  return annotations.map(({ header, path }) => ({ header, value: valueAt(args, path) }));
}

function valueAt(args: unknown, path: readonly string[]): Primitive | undefined {
  let value = args;
  for (const key of path) {
    if (!isObject(value) || value instanceof WrittenNumber || !Object.hasOwn(value, key)) {
      return undefined;
    }
    value = value[key];
  }
  const isPrimitive = typeof value === 'string' || typeof value === 'boolean';
  return isPrimitive || value instanceof WrittenNumber ? (value as Primitive) : undefined;
}

/** The arguments with their numbers as they are written. */
function writtenArguments({ bytes }: RequestFrame | NotificationFrame): unknown {
  const message = parseJson(bytes.toString('utf8'), (source) => new WrittenNumber(source));
  const params = isObject(message) ? message['params'] : undefined;
  return isObject(params) ? params['arguments'] : undefined;
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
  return { header, path };
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
