/** The file of what was revoked. */
import { join } from 'node:path';
import { parseJson } from '#lib';
import { RevocationsInvalid, StorageFailed } from '../errors.ts';
import { PRIVATE_MODE, readIdentityFile, replaceFile } from '../files.ts';
import { identityDirOf } from '../layout.ts';
import { daysMs } from '../lifetimes.ts';
import { exists } from '../state-dir.ts';
import type { RevokedEntry } from './schemas.ts';

const REVOKED = 'revoked.json';

/** Everything in a full ledger takes some 34 MiB here. */
const MAX_REVOKED_BYTES = 64 * 1024 * 1024;

/** How long expired certificates stay in it: a clock that was ahead must not have dropped others. */
const KEPT_MS = daysMs(365);

/** Path of the file. */
export function revokedFileOf(stateDir: string): string {
  return join(identityDirOf(stateDir), REVOKED);
}

/**
 * Everything that was revoked; nothing when there is no file.
 *
 * @throws StateFileUnsafe, StorageFailed or RevocationsInvalid.
 */
export async function readRevoked(stateDir: string): Promise<readonly RevokedEntry[]> {
  const path = revokedFileOf(stateDir);
  if (!(await exists(path))) return [];
  const text = await readIdentityFile(path, 'private', MAX_REVOKED_BYTES);
  // The process that makes certificates can do without the schemas as long as nothing is revoked.
  const { revokedFile } = await import('./schemas.ts');
  try {
    return revokedFile.parse(parseJson(text)).revoked;
  } catch (cause) {
    throw new RevocationsInvalid(`${path} is no list of revoked certificates`, {
      cause,
      details: { path },
    });
  }
}

/**
 * Replaces the file, without entries whose certificates expired a year ago. Only under the lock of
 * the state directory.
 *
 * @throws StorageFailed
 */
export async function writeRevoked(
  stateDir: string,
  entries: readonly RevokedEntry[],
): Promise<void> {
  const nowMs = Date.now();
  const long = textOf(entries, nowMs - KEPT_MS);
  const text = isTooLarge(long) ? textOf(entries, nowMs) : long;
  const path = revokedFileOf(stateDir);
  // Nobody could read it, and gateways would go on with the list before.
  if (isTooLarge(text)) {
    throw new StorageFailed(`${path} would be larger than ${MAX_REVOKED_BYTES} bytes`);
  }
  await replaceFile(path, text, PRIVATE_MODE);
}

/** The file without entries whose certificates had expired by then. */
function textOf(entries: readonly RevokedEntry[], expiredByMs: number): string {
  const expiredBy = new Date(expiredByMs).toISOString();
  const revoked = entries.filter(({ not_after: end }) => end === null || end >= expiredBy);
  return `${JSON.stringify({ version: 1, revoked }, null, 2)}\n`;
}

function isTooLarge(text: string): boolean {
  return Buffer.byteLength(text) > MAX_REVOKED_BYTES;
}
