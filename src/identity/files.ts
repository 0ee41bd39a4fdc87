/** Files that a crash cannot leave half written and that other users cannot read or replace. */
import { randomBytes } from 'node:crypto';
import type { Stats } from 'node:fs';
import { constants } from 'node:fs';
import type { FileHandle } from 'node:fs/promises';
import { link, open, rm } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import { messageOf, replaceFile as replaceAtomically } from '#lib';
import { ClientFileExists, IdentityDamaged, StateFileUnsafe, StorageFailed } from './errors.ts';

/** Mode of a private key: its owner alone. */
export const PRIVATE_MODE = 0o600;
/** Mode of a certificate. */
export const PUBLIC_MODE = 0o644;

// Files of authorities are below 40 KB; whatever is larger is something else.
const MAX_FILE_BYTES = 64 * 1024;

/** Creates a file that must not exist yet, and has it on disk when it returns. */
export async function createFile(path: string, text: string, mode: number): Promise<void> {
  const handle = await open(path, 'wx', mode);
  try {
    await handle.writeFile(text);
    await handle.sync();
  } finally {
    await handle.close();
  }
}

/**
 * Writes a new file in one step: at every moment the path is either absent or complete. An existing
 * file stays as it is.
 *
 * @throws ClientFileExists or StorageFailed.
 */
export async function writeNewFile(path: string, text: string, mode: number): Promise<void> {
  const directory = dirname(path);
  const suffix = randomBytes(6).toString('hex');
  const temporary = join(directory, `.${basename(path)}.${suffix}`);
  try {
    await createFile(temporary, text, mode);
    // Unlike rename, link fails when the path exists.
    await link(temporary, path);
    await rm(temporary);
    await syncDirectory(directory);
  } catch (cause) {
    await rm(temporary, { force: true });
    throw hasCode(cause, 'EEXIST') ? fileExists(path, cause) : storageFailed(path, cause);
  }
}

/**
 * Replaces a file, or makes it, in one step: a reader sees the old text or the new one.
 *
 * @throws StorageFailed with the old file in place, unless it was the directory that could not be
 *   synchronised.
 */
export async function replaceFile(path: string, text: string, mode: number): Promise<void> {
  try {
    await replaceAtomically(path, text, mode);
  } catch (cause) {
    throw storageFailed(path, cause);
  }
}

/** Has a directory's entries on disk when it returns. */
export async function syncDirectory(path: string): Promise<void> {
  const handle = await open(path, constants.O_RDONLY | constants.O_DIRECTORY);
  try {
    await handle.sync();
  } finally {
    await handle.close();
  }
}

/**
 * Reads a file of the identity after making sure, on the open file itself, that no other user can
 * have changed it or, for a `private` one, read it.
 *
 * @throws StateFileUnsafe, IdentityDamaged when the file is absent, or StorageFailed.
 */
export async function readIdentityFile(
  path: string,
  secrecy: 'private' | 'public',
  maxBytes = MAX_FILE_BYTES,
): Promise<string> {
  const handle = await openForReading(path);
  try {
    const stats = await handle.stat();
    refuseUnsafeFile(path, stats, secrecy);
    if (stats.size > maxBytes) throw new IdentityDamaged(`${path} is too large`);
    return await handle.readFile('utf8');
  } finally {
    await handle.close();
  }
}

/** The failure of a system call on this path. */
export function storageFailed(path: string, cause: unknown): Error {
  return new StorageFailed(`cannot use ${path}: ${messageOf(cause)}`, { cause, details: { path } });
}

/** A file that stands where a new one should go. */
export function fileExists(path: string, cause?: unknown): Error {
  return new ClientFileExists(`${path} exists already`, { cause, details: { path } });
}

/** Whether something thrown is a system error with one of these codes. */
export function hasCode(thrown: unknown, ...codes: readonly string[]): boolean {
  return thrown instanceof Error && codes.includes((thrown as NodeJS.ErrnoException).code ?? '');
}

/** Whether a file or directory belongs to another user than the one that runs this process. */
export function belongsToAnother(stats: Stats): boolean {
  const user = process.getuid?.();
  return user !== undefined && stats.uid !== user;
}

/** A path as one word of a POSIX shell command. */
export function shellWord(path: string): string {
  return /^[\w@%+=:,./-]+$/.test(path) ? path : `'${path.replaceAll("'", String.raw`'\''`)}'`;
}

async function openForReading(path: string): Promise<FileHandle> {
  try {
    // Non-blocking, or opening a named pipe would wait for a writer.
    const flags = constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK;
    return await open(path, flags);
  } catch (cause) {
    if (hasCode(cause, 'ENOENT')) throw new IdentityDamaged(`${path} is missing`, { cause });
    if (hasCode(cause, 'ELOOP')) throw unsafe(path, `${path} is a symbolic link`);
    throw storageFailed(path, cause);
  }
}

function refuseUnsafeFile(path: string, stats: Stats, secrecy: 'private' | 'public'): void {
  if (!stats.isFile()) throw unsafe(path, `${path} is not a regular file`);
  if (belongsToAnother(stats)) {
    throw unsafe(
      path,
      `${path} belongs to another user`,
      `Run: sudo chown "$(id -u)" ${shellWord(path)}`,
    );
  }
  const mode = stats.mode & 0o777;
  const excess = secrecy === 'private' ? mode & 0o077 : mode & 0o022;
  if (excess === 0) return;
  const wanted = (secrecy === 'private' ? PRIVATE_MODE : PUBLIC_MODE).toString(8);
  throw unsafe(
    path,
    `${path} has mode ${mode.toString(8)}, which lets other users ${secrecy === 'private' ? 'use the key' : 'replace it'}`,
    `Run: chmod ${wanted} ${shellWord(path)}`,
  );
}

function unsafe(path: string, message: string, hint?: string): Error {
  return new StateFileUnsafe(message, {
    details: { path },
    ...(hint === undefined ? {} : { hint }),
  });
}
