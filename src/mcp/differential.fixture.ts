/** What other parsers make of a text, and what of it a strict reader may refuse. */
import { isUtf8 } from 'node:buffer';
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { parseJson } from '#lib';

const CORPUS = join(import.meta.dirname, '../../test/fuzz/json');

/** The texts in test/fuzz/json by name. */
export function readCorpus(): ReadonlyMap<string, Buffer> {
  const files = readdirSync(join(CORPUS, 'messages'));
  return new Map(
    files.map((file) => [file.replace('.txt', ''), readFileSync(join(CORPUS, 'messages', file))]),
  );
}

/** What comes of each: the kind of the message, or the code of the refusal. */
export function readOutcomes(): Readonly<Record<string, string>> {
  return JSON.parse(readFileSync(join(CORPUS, 'outcomes.json'), 'utf8')) as Record<string, string>;
}

/**
 * What JSON.parse makes of these bytes, `undefined` when it refuses them or they are no UTF-8. Objects
 * with escaped keys are left to {@link parseJson}, because V8 may take such a key for another one.
 */
export function parsed(bytes: Buffer): unknown {
  if (!isUtf8(bytes)) return undefined;
  try {
    return parseJson(bytes.toString('utf8'));
  } catch {
    return undefined;
  }
}

/** Why a text that JSON.parse takes is not to be trusted, found without the reader's means. */
export function reasonsAgainst(bytes: Buffer, value: unknown): readonly string[] {
  const text = bytes.toString('utf8');
  const strings = text.match(STRING) ?? [];
  const rest = text.replace(STRING, '""');
  const keys = rest.match(/:/g)?.length ?? 0;
  const reasons: string[] = [];
  if (keys !== countKeys(value)) reasons.push('POSTERN_FRAME_AMBIGUOUS');
  if (hasBrokenKey(text)) reasons.push('POSTERN_FRAME_AMBIGUOUS');
  if (depthOf(value) > LIMITS.maxDepth) reasons.push('POSTERN_FRAME_TOO_DEEP');
  if (keys > LIMITS.maxKeys) reasons.push('POSTERN_FRAME_TOO_MANY_KEYS');
  const numbers = rest.match(/[-+.\deE]+/g) ?? [];
  const isLong =
    numbers.some(({ length }) => length > LIMITS.maxNumberBytes) ||
    strings.some((string) => Buffer.byteLength(string) - 2 > LIMITS.maxKeyBytes);
  if (isLong) reasons.push('POSTERN_FRAME_TOKEN_TOO_LONG');
  return reasons;
}

/** Small enough for the corpus to reach them. */
export const LIMITS = {
  maxBytes: 65_536,
  maxDepth: 128,
  maxKeys: 150,
  maxKeyBytes: 8192,
  maxNumberBytes: 128,
} as const;

const STRING = /"(?:[^"\\]|\\.)*"/gs;
const COLON = /[ \t\r\n]*:/y;

function countKeys(value: unknown): number {
  if (typeof value !== 'object' || value === null) return 0;
  const own = Array.isArray(value) ? 0 : Object.keys(value).length;
  return Object.values(value).reduce((sum: number, inner) => sum + countKeys(inner), own);
}

function depthOf(value: unknown): number {
  if (typeof value !== 'object' || value === null) return 0;
  return 1 + Object.values(value).reduce((most: number, v) => Math.max(most, depthOf(v)), 0);
}

/**
 * Each key is read by itself: as the key of an object, V8 may take one with an escape for another key.
 */
function hasBrokenKey(text: string): boolean {
  return [...text.matchAll(STRING)].some(({ 0: string, index }) => {
    COLON.lastIndex = index + string.length;
    return COLON.test(text) && !(JSON.parse(string) as string).isWellFormed();
  });
}
