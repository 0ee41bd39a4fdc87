/** Numbers as they are written, where JavaScript would round them: they are not the bridge's to change. */
import { parseJson } from '#lib';
import type { JsonObject, NotificationFrame, RequestFrame, ResponseFrame } from '#mcp';
import { isObject } from '#mcp';

/** The params of a message, fit to be written again. */
export function exactParams(frame: RequestFrame | NotificationFrame): JsonObject {
  return exact(frame.bytes, 'params') ?? frame.params;
}

/** The result of an answer, fit to be written again; empty for an error. */
export function exactResult({ bytes, outcome }: ResponseFrame): JsonObject {
  if (!('result' in outcome)) return {};
  return exact(bytes, 'result') ?? outcome.result;
}

/** What a text without such numbers cannot contain; strings may, which then costs a second reading. */
const SUSPECT = /[\d.]{16}|\d[eE][+-]?\d/;

/** A number with more digits than a double keeps for certain (IEEE 754 binary64: 15). */
const LONG = /^-?[\d.]{16}/;

/** Whether a value is a number as it is written, and no object of the message. */
export function isWrittenNumber(value: unknown): boolean {
  return json.isRawJSON(value);
}

function exact(bytes: Buffer, key: 'params' | 'result'): JsonObject | null {
  const text = bytes.toString('utf8');
  if (!SUSPECT.test(text)) return null;
  const message: unknown = parseExactly(text);
  const part = isObject(message) ? message[key] : undefined;
  return isObject(part) ? part : null;
}

/** The type library does not know of these yet (ECMAScript, "JSON.parse source text access"). */
const json = JSON as unknown as {
  rawJSON(text: string): unknown;
  isRawJSON(value: unknown): boolean;
};

function parseExactly(text: string): unknown {
  return parseJson(text, (source) => {
    const value = Number(source);
    const rounds = !Number.isFinite(value) || (LONG.test(source) && String(value) !== source);
    return rounds ? json.rawJSON(source) : value;
  });
}
