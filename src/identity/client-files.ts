import { readFile } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import type { IssuedClient } from './client.ts';
import { PRIVATE_MODE, PUBLIC_MODE } from './files.ts';
import type { PlannedFile } from './new-files.ts';
import { createDirectory, refuseExisting, writeAllOrNone } from './new-files.ts';

/** Where the parts of a client identity are. */
export interface ClientFiles {
  /** `<name>.key`, mode 600. */
  readonly keyFile: string;
  /** `<name>.crt`, the certificate and its issuing CA. */
  readonly certificateFile: string;
  /** `ca.crt`, the roots of the gateway. */
  readonly caFile: string;
}

/**
 * Writes a client identity into a directory, which is created (mode 700) when absent. All files are
 * written or none; nothing is overwritten. A `ca.crt` with the same roots, left there by an earlier
 * client of the same gateway, serves both.
 *
 * @param gateway where the certificate can be renewed, to be remembered in `<name>.json`.
 * @throws ClientFileExists or StorageFailed.
 */
export async function writeClientFiles(
  dir: string,
  issued: IssuedClient,
  gateway?: string,
): Promise<ClientFiles> {
  const files = await newFiles(dir, issued, gateway);
  await writeAllOrNone(files);
  return clientFilesIn(dir, issued.name);
}

/**
 * Makes sure that a client identity could be written into a directory, which is created when absent.
 *
 * @throws ClientFileExists or StorageFailed.
 */
export async function refuseClientFiles(dir: string, name: string, caPem: string): Promise<void> {
  await newFiles(dir, { name, keyPem: '', chainPem: '', caPem }, '');
}

/** The files of a client in a directory. */
export function clientFilesIn(dir: string, name: string): ClientFiles {
  const directory = resolve(dir);
  return {
    keyFile: join(directory, `${name}.key`),
    certificateFile: join(directory, `${name}.crt`),
    caFile: join(directory, 'ca.crt'),
  };
}

/** The file beside a client's certificate that remembers its gateway. */
export function gatewayFileOf({ certificateFile }: ClientFiles): string {
  return `${certificateFile.replace(/\.[^./]*$/, '')}.json`;
}

async function newFiles(
  dir: string,
  issued: Pick<IssuedClient, 'name' | 'keyPem' | 'chainPem' | 'caPem'>,
  gateway: string | undefined,
): Promise<readonly PlannedFile[]> {
  const paths = clientFilesIn(dir, issued.name);
  await createDirectory(resolve(dir));
  const files: PlannedFile[] = [
    { path: paths.keyFile, text: issued.keyPem, mode: PRIVATE_MODE },
    { path: paths.certificateFile, text: issued.chainPem, mode: PUBLIC_MODE },
  ];
  if (gateway !== undefined) {
    const text = `${JSON.stringify({ gateway })}\n`;
    files.push({ path: gatewayFileOf(paths), text, mode: PRIVATE_MODE });
  }
  if (!(await holds(paths.caFile, issued.caPem))) {
    files.push({ path: paths.caFile, text: issued.caPem, mode: PUBLIC_MODE });
  }
  await refuseExisting(files);
  return files;
}

async function holds(path: string, text: string): Promise<boolean> {
  try {
    return (await readFile(path, 'utf8')) === text;
  } catch {
    return false;
  }
}
