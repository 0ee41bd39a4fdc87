import { constants } from 'node:fs';
import { open } from 'node:fs/promises';
import { formatBytes } from './bytes.ts';
import { defineError, messageOf } from './errors.ts';

export const FileUnreadable = defineError('POSTERN_FILE_UNREADABLE', {
  meaning: 'A file of the configuration does not exist, may not be read, or is not a text file.',
  hint: 'Check the path and that this user may read the file; it must be a regular file, in UTF-8 if it is text.',
});

export const FileTooLarge = defineError('POSTERN_FILE_TOO_LARGE', {
  meaning: 'A file of the configuration is larger than any real one.',
  hint: 'Check that the path names the right file; the message says how large it may be.',
});

/** Nothing that is being written grows by more between two looks. */
const GROWTH_BYTES = 64 * 1024;

/**
 * The content of a regular file, read whole.
 *
 * @throws FileUnreadable when it cannot be read or is no regular file; FileTooLarge.
 */
export async function readSmallFile(path: string, maxBytes: number): Promise<Buffer> {
  // Opening a pipe would wait for a writer.
  const flags = constants.O_RDONLY | (constants.O_NONBLOCK ?? 0);
  const file = await open(path, flags).catch((cause: unknown) => {
    throw unreadable(path, cause);
  });
  try {
    const stat = await file.stat();
    if (!stat.isFile()) throw new FileUnreadable(`${path} is not a file`, { details: { path } });
    // With room to grow while it is read, and a byte more than the limit, so that this is noticed.
    const room = Math.min(stat.size + GROWTH_BYTES, maxBytes);
    const buffer = Buffer.alloc(room + 1);
    let length = 0;
    while (length < buffer.length) {
      const { bytesRead } = await file.read(buffer, length);
      if (bytesRead === 0) return buffer.subarray(0, length);
      length += bytesRead;
    }
    if (room < maxBytes) throw new FileUnreadable(`${path} grows while it is read`);
    throw new FileTooLarge(`${path} is larger than ${formatBytes(maxBytes)}`, {
      details: { path, max_bytes: maxBytes },
    });
  } finally {
    await file.close();
  }
}

function unreadable(path: string, cause: unknown): Error {
  const reason = messageOf(cause).replace(`, open '${path}'`, '');
  return new FileUnreadable(`cannot read ${path}: ${reason}`, {
    cause,
    details: { path },
  });
}
