import { constants } from 'node:fs';
import { open } from 'node:fs/promises';
import { formatBytes } from './bytes.ts';
import { defineError, messageOf } from './errors.ts';
import { MAX_YAML_BYTES } from './yaml-parse.ts';

export const FileUnreadable = defineError('POSTERN_FILE_UNREADABLE', {
  meaning: 'A configuration file does not exist, may not be read, or is not a text file.',
  hint: 'Check the path and that this user may read the file; it must be a regular file in UTF-8.',
});

export const FileTooLarge = defineError('POSTERN_FILE_TOO_LARGE', {
  meaning: 'A configuration file is larger than any real one.',
  hint: 'Check that the path names the right file; the most is 1 MiB.',
});

/**
 * The text of a YAML file, read whole.
 *
 * @throws FileUnreadable when it cannot be read, is no regular file or not UTF-8; FileTooLarge.
 */
export async function readYamlFile(path: string): Promise<string> {
  const bytes = await readBounded(path);
  try {
    return new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(bytes);
  } catch (cause) {
    throw new FileUnreadable(`${path} is not valid UTF-8`, { cause, details: { path } });
  }
}

/** One byte more than the limit is asked for, so that a file that grows meanwhile is noticed. */
async function readBounded(path: string): Promise<Buffer> {
  // Opening a pipe would wait for a writer.
  const flags = constants.O_RDONLY | (constants.O_NONBLOCK ?? 0);
  const file = await open(path, flags).catch((cause: unknown) => {
    throw unreadable(path, cause);
  });
  try {
    const stat = await file.stat();
    if (!stat.isFile()) throw new FileUnreadable(`${path} is not a file`, { details: { path } });
    const buffer = Buffer.alloc(MAX_YAML_BYTES + 1);
    let length = 0;
    while (length < buffer.length) {
      const { bytesRead } = await file.read(buffer, length);
      if (bytesRead === 0) return buffer.subarray(0, length);
      length += bytesRead;
    }
    throw new FileTooLarge(`${path} is larger than ${formatBytes(MAX_YAML_BYTES)}`, {
      details: { path, max_bytes: MAX_YAML_BYTES },
    });
  } finally {
    await file.close();
  }
}

function unreadable(path: string, cause: unknown): Error {
  return new FileUnreadable(`cannot read ${path}: ${messageOf(cause)}`, {
    cause,
    details: { path },
  });
}
