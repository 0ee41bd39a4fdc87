import { messageOf, readSmallFile } from '#lib';
import { UsageError } from './errors.ts';

const MAX_BYTES = 4096;

/**
 * The only line of a file, without its end; `-` is standard input.
 *
 * @throws UsageError without anything of the content.
 */
export async function readSecretLine(file: string): Promise<string> {
  try {
    const content = file === '-' ? await readInput() : await readSmallFile(file, MAX_BYTES);
    return content.toString('utf8').replace(/\r?\n$/, '');
  } catch (cause) {
    throw new UsageError(`the passphrase cannot be read: ${messageOf(cause)}`, {
      cause,
      hint: 'Check the path, and that this user may read the file.',
    });
  }
}

async function readInput(): Promise<Buffer> {
  const chunks: Buffer[] = [];
  let length = 0;
  for await (const chunk of process.stdin) {
    chunks.push(chunk as Buffer);
    length += (chunk as Buffer).length;
    if (length > MAX_BYTES) throw new Error(`it has over ${MAX_BYTES} bytes`);
  }
  return Buffer.concat(chunks);
}
