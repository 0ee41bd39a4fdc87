import { parseJson } from '#lib';
import type { JsonObject } from './frame.ts';
import type { JsonLimits } from './json/limits.ts';
import { Outline } from './json/outline.ts';
import { scanObject } from './json/scan.ts';

const NOTHING_KNOWN = new Outline({});

/**
 * The JSON object that a text says to every parser alike: in UTF-8, within the limits, no key twice in
 * one object.
 *
 * @returns `null` when it is JSON of another kind.
 * @throws what the reader of messages throws.
 */
export function readJsonObject(bytes: Buffer, limits: JsonLimits): JsonObject | null {
  if (scanObject(bytes, limits, NOTHING_KNOWN) === null) return null;
  return parseJson(bytes.toString()) as JsonObject;
}
