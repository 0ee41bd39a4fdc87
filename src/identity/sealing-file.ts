import { SEALING_KEY_BYTES } from '#crypto';
import { SealingKeysUnusable } from './errors.ts';

/** A key that tokens are sealed with. */
export interface SealingKey {
  readonly key: Buffer;
  /** Milliseconds since the epoch, `null` when the file does not tell. */
  readonly madeAtMs: number | null;
}

/** More than any change of keys needs; each costs a little for every gateway. */
const MAX_KEYS = 16;

/** 32 bytes in hex, or in base64 of either alphabet. */
const KEY = /^(?:[0-9a-f]{64}|[A-Za-z0-9+/_-]{43}=?)$/i;

/**
 * The keys of a file: one a line in hex or base64, which the time of its making may follow. Empty
 * lines and those that begin with `#` count for nothing.
 *
 * @throws SealingKeysUnusable that tells the line and nothing of what is in it.
 */
export function parseSealingKeys(text: string, path: string): readonly SealingKey[] {
  const keys: SealingKey[] = [];
  for (const [index, line] of text.split('\n').entries()) {
    const words = line.trim().split(/\s+/);
    const [key = '', madeAt] = words;
    if (key === '' || key.startsWith('#')) continue;
    const madeAtMs = madeAt === undefined ? null : Date.parse(madeAt);
    if (!KEY.test(key) || words.length > 2 || Number.isNaN(madeAtMs)) {
      throw unusable(path, `line ${index + 1} is no key of ${SEALING_KEY_BYTES} bytes`);
    }
    keys.push({ key: Buffer.from(key, key.length === 64 ? 'hex' : 'base64'), madeAtMs });
  }
  if (keys.length === 0) throw unusable(path, 'it holds no key');
  if (keys.length > MAX_KEYS) throw unusable(path, `it holds more than ${MAX_KEYS} keys`);
  return keys;
}

/** The text of a file that {@link parseSealingKeys} reads. */
export function formatSealingKeys(keys: readonly SealingKey[]): string {
  return keys.map((key) => `${formatKey(key)}\n`).join('');
}

/** Overwrites the keys; what was read of them as text is left to the garbage collector. */
export function wipeKeys(keys: readonly SealingKey[]): void {
  for (const { key } of keys) key.fill(0);
}

function formatKey({ key, madeAtMs }: SealingKey): string {
  const text = key.toString('base64');
  return madeAtMs === null ? text : `${text} ${new Date(madeAtMs).toISOString()}`;
}

function unusable(path: string, why: string): Error {
  return new SealingKeysUnusable(`${path}: ${why}`, { details: { path } });
}
