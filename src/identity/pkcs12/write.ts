import { join, resolve } from 'node:path';
import { PRIVATE_MODE, PUBLIC_MODE } from '../files.ts';
import { createDirectory, refuseExisting, writeAllOrNone } from '../new-files.ts';
import type { Pkcs12Content } from './open.ts';

/** Where a certificate and its key are. */
export interface WrittenCredential {
  /** `<name>.crt`: the certificate and its authorities. */
  readonly certificateFile: string;
  /** `<name>.key`, mode 600. */
  readonly keyFile: string;
}

/**
 * Writes what was in a container as PEM into a directory, which is created (mode 700) when absent.
 * Both files are written or none; nothing is overwritten.
 *
 * @throws ClientFileExists or StorageFailed.
 */
export async function writeCredential(
  dir: string,
  name: string,
  { keyPem, leaf, authorities }: Pkcs12Content,
): Promise<WrittenCredential> {
  const directory = resolve(dir);
  const certificateFile = join(directory, `${name}.crt`);
  const keyFile = join(directory, `${name}.key`);
  const chainPem = [leaf, ...authorities].map((certificate) => certificate.toString()).join('');
  await createDirectory(directory);
  const files = [
    { path: keyFile, text: keyPem, mode: PRIVATE_MODE },
    { path: certificateFile, text: chainPem, mode: PUBLIC_MODE },
  ];
  await refuseExisting(files);
  await writeAllOrNone(files);
  return { certificateFile, keyFile };
}
