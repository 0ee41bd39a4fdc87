import { parseJson } from '#lib';
import type { JsonLimits } from './limits.ts';
import { Outline } from './outline.ts';
import { scanObject } from './scan.ts';

const NOTHING_KNOWN = new Outline({});

/**
 * The object that a JSON text says, when every parser reads it alike.
 *
 * @returns `null` when it is another value.
 * @throws FrameTooLarge, FrameInvalidJson, FrameTooDeep, FrameTooManyKeys, FrameTokenTooLong or
 *   FrameAmbiguous.
 */
export function readObject(
  bytes: Buffer,
  limits: JsonLimits,
): Readonly<Record<string, unknown>> | null {
  if (scanObject(bytes, limits, NOTHING_KNOWN) === null) return null;
  return parseJson(bytes.toString('utf8')) as Record<string, unknown>;
}
