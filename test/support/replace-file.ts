import { rename, writeFile } from 'node:fs/promises';

/** Gives a file other content in one step, so that nobody who watches it finds half of it. */
export async function replaceFile(path: string, content: string | Buffer): Promise<void> {
  await writeFile(`${path}.new`, content, { mode: 0o600 });
  await rename(`${path}.new`, path);
}
