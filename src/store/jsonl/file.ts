import { constants, fstatSync } from 'node:fs';
import type { FileHandle } from 'node:fs/promises';
import { open, unlink } from 'node:fs/promises';
import { RecordFileChanged } from './errors.ts';

const { O_APPEND, O_CREAT, O_DSYNC, O_EXCL, O_WRONLY } = constants;

/**
 * Whether a write to a file that was opened with O_DSYNC is on the disk when it returns, which takes
 * one trip through the thread pool less than to ask for it. On macOS the drive's own cache is left out.
 */
const SYNCS_AS_IT_WRITES = process.platform === 'linux';

/** One file of the record, open for appending, with the length up to which it is known good. */
export class RecordFile {
  readonly #handle: FileHandle;
  readonly #path: string;
  readonly #durable: boolean;
  #size = 0;
  /** Someone else wrote to the file or cut it. */
  #changed = false;

  private constructor(handle: FileHandle, path: string, durable: boolean) {
    this.#handle = handle;
    this.#path = path;
    this.#durable = durable;
  }

  /** Creates the file, readable by its owner alone; one that exists already is never taken. */
  static async create(path: string, durable: boolean): Promise<RecordFile> {
    const sync = durable && SYNCS_AS_IT_WRITES ? O_DSYNC : 0;
    const handle = await open(path, O_APPEND | O_CREAT | O_EXCL | O_WRONLY | sync, 0o600);
    return new RecordFile(handle, path, durable);
  }

  /** Bytes of the batches that were appended without fault. */
  get size(): number {
    return this.#size;
  }

  /**
   * Appends a batch, and when durable, forces it to the disk.
   *
   * @throws RecordFileChanged when the file is gone from its directory or has another length than
   *   what was written to it; any error of the file system.
   */
  async append(lines: readonly Buffer[]): Promise<void> {
    const expected = this.#size + (await writeAll(this.#handle, lines));
    if (this.#durable && !SYNCS_AS_IT_WRITES) await this.#handle.datasync();
    // The kernel knows this of an open file; asking through the thread pool would cost far more.
    const stats = fstatSync(this.#handle.fd);
    this.#changed = stats.nlink === 0 || stats.size !== expected;
    if (this.#changed) {
      throw new RecordFileChanged('the record’s file was removed, cut or written to while in use', {
        details: { path: this.#path },
      });
    }
    this.#size = expected;
  }

  /**
   * Takes away what a failed append left behind, so that the file can be appended to again.
   * `false` when it cannot be used again because someone else removed or changed it.
   *
   * Cutting also matters when a sync failed: Linux then counts the lost pages as clean, and only
   * writing them once more brings them to the disk.
   */
  async repair(): Promise<boolean> {
    const stats = await this.#handle.stat();
    // What someone else changed stays as it is: it is evidence.
    if (stats.nlink === 0 || stats.size < this.#size) this.#changed = true;
    if (this.#changed) return false;
    await this.#handle.truncate(this.#size);
    if (this.#durable) await this.#handle.datasync();
    return true;
  }

  /** Closes the file; one without entries is removed. */
  async close(): Promise<void> {
    try {
      if (this.#size > 0) await this.#handle.datasync();
      else if (!this.#changed) await unlink(this.#path).catch(() => undefined);
    } finally {
      await this.#handle.close();
    }
  }
}

/** Writes every byte, however few the kernel takes at once; returns how many. */
async function writeAll(handle: FileHandle, lines: readonly Buffer[]): Promise<number> {
  let total = 0;
  let rest = lines;
  while (rest.length > 0) {
    const { bytesWritten } = await handle.writev(rest);
    if (bytesWritten === 0) throw new Error('the disk takes no bytes');
    total += bytesWritten;
    rest = without(rest, bytesWritten);
  }
  return total;
}

function without(lines: readonly Buffer[], bytes: number): readonly Buffer[] {
  let left = bytes;
  for (const [index, line] of lines.entries()) {
    if (left < line.length) return [line.subarray(left), ...lines.slice(index + 1)];
    left -= line.length;
  }
  return [];
}
