import { randomBytes } from 'node:crypto';
import { rename, rm, stat } from 'node:fs/promises';
import { dirname } from 'node:path';
import type { IssuedClient } from '../client.ts';
import type { ClientFiles } from '../client-files.ts';
import { ClientFilesUnusable } from '../errors.ts';
import {
  createFile,
  hasCode,
  PRIVATE_MODE,
  PUBLIC_MODE,
  storageFailed,
  syncDirectory,
} from '../files.ts';
import { NEXT } from './held-client.ts';

/** Files that are being replaced stand for an instant; older ones were left by a crash. */
const STALE_MS = 60_000;

/**
 * Replaces the files of a client identity by those of its renewed one.
 *
 * New key and certificate are on disk before either is put in place by a rename, the key first. Who
 * reads between the two renames sees the new key beside the old certificate, which no TLS library
 * takes, and reads again. After a crash there the new certificate stands as `<name>.crt.next`, and
 * reading the identity with `readHeldClient` completes the step. Roots come first, or the renewed
 * certificate could be in use before the authorities that it belongs to.
 *
 * @param previousCaPem is not written again when nothing has changed.
 * @throws ClientFilesUnusable when another process is at it, or StorageFailed; what is in place then
 *   is the old pair, or one that reading completes.
 */
export async function replaceClientFiles(
  { keyFile, certificateFile, caFile }: ClientFiles,
  issued: IssuedClient,
  previousCaPem: string,
): Promise<void> {
  await refuseConcurrent(keyFile);
  try {
    if (issued.caPem !== previousCaPem) await replaceFile(caFile, issued.caPem);
    await writePair(keyFile, certificateFile, issued);
    await rename(keyFile + NEXT, keyFile);
    await rename(certificateFile + NEXT, certificateFile);
    for (const directory of directoriesOf(keyFile, certificateFile)) await syncDirectory(directory);
  } catch (cause) {
    throw storageFailed(keyFile, cause);
  }
}

async function writePair(keyFile: string, certificateFile: string, issued: IssuedClient) {
  const [key, certificate] = [keyFile + NEXT, certificateFile + NEXT];
  // The key's file is the lock: it is made first, and exclusively.
  await createFile(key, issued.keyPem, PRIVATE_MODE);
  try {
    await rm(certificate, { force: true });
    await createFile(certificate, issued.chainPem, PUBLIC_MODE);
    for (const directory of directoriesOf(keyFile, certificateFile)) await syncDirectory(directory);
  } catch (failure) {
    for (const path of [key, certificate]) await rm(path, { force: true });
    throw failure;
  }
}

/** A key that was never put in place is removed: its certificate is in nobody's hands. */
async function refuseConcurrent(keyFile: string): Promise<void> {
  const next = keyFile + NEXT;
  try {
    const { mtimeMs } = await stat(next);
    if (Date.now() - mtimeMs < STALE_MS) {
      throw new ClientFilesUnusable(`another renewal is at work: ${next} is there`, {
        hint: 'Try again in a minute.',
      });
    }
    await rm(next, { force: true });
  } catch (thrown) {
    if (hasCode(thrown, 'ENOENT')) return;
    throw thrown instanceof ClientFilesUnusable ? thrown : storageFailed(next, thrown);
  }
}

async function replaceFile(path: string, text: string): Promise<void> {
  const temporary = `${path}.${randomBytes(6).toString('hex')}`;
  try {
    await createFile(temporary, text, PUBLIC_MODE);
    await rename(temporary, path);
  } catch (failure) {
    await rm(temporary, { force: true });
    throw failure;
  }
}

function directoriesOf(...files: readonly string[]): readonly string[] {
  return [...new Set(files.map((file) => dirname(file)))];
}
