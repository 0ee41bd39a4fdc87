import { mkdir, readFile, rm } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import type { IssuedClient } from './client.ts';
import { fileExists, PRIVATE_MODE, PUBLIC_MODE, storageFailed, writeNewFile } from './files.ts';
import { exists } from './state-dir.ts';

/** Where the parts of a client identity were written. */
interface ClientFiles {
  /** `<name>.key`, mode 600. */
  readonly keyFile: string;
  /** `<name>.crt`, the certificate and its issuing CA. */
  readonly certificateFile: string;
  /** `ca.crt`, both roots of the gateway. */
  readonly caFile: string;
}

/**
 * Writes a client identity into a directory, which is created (mode 700) when absent. All files are
 * written or none; nothing is overwritten. A `ca.crt` with the same roots, left there by an earlier
 * client of the same gateway, serves both.
 *
 * @throws ClientFileExists or StorageFailed.
 */
export async function writeClientFiles(dir: string, issued: IssuedClient): Promise<ClientFiles> {
  const directory = resolve(dir);
  const paths: ClientFiles = {
    keyFile: join(directory, `${issued.name}.key`),
    certificateFile: join(directory, `${issued.name}.crt`),
    caFile: join(directory, 'ca.crt'),
  };
  await createDirectory(directory);
  const files = [
    { path: paths.keyFile, text: issued.keyPem, mode: PRIVATE_MODE },
    { path: paths.certificateFile, text: issued.chainPem, mode: PUBLIC_MODE },
    { path: paths.caFile, text: issued.caPem, mode: PUBLIC_MODE },
  ].slice(0, (await holds(paths.caFile, issued.caPem)) ? 2 : 3);
  for (const { path } of files) if (await exists(path)) throw fileExists(path);
  await writeAll(files);
  return paths;
}

async function writeAll(
  files: readonly { path: string; text: string; mode: number }[],
): Promise<void> {
  const written: string[] = [];
  try {
    for (const { path, text, mode } of files) {
      await writeNewFile(path, text, mode);
      written.push(path);
    }
  } catch (failure) {
    for (const path of written) await rm(path, { force: true });
    throw failure;
  }
}

async function createDirectory(path: string): Promise<void> {
  try {
    await mkdir(path, { recursive: true, mode: 0o700 });
  } catch (cause) {
    throw storageFailed(path, cause);
  }
}

async function holds(path: string, text: string): Promise<boolean> {
  try {
    return (await readFile(path, 'utf8')) === text;
  } catch {
    return false;
  }
}
