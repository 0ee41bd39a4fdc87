import { open, stat } from 'node:fs/promises';
import { dirname, join, resolve } from 'node:path';
import type { RecordStore } from '#audit';
import type { Limits } from '#lib';
import { makeDirectories, messageOf, PosternError } from '#lib';
import { RecordDirectoryUnsafe, RecordStoreFailed } from './errors.ts';
import { RecordFile } from './file.ts';
import type { FileNames } from './names.ts';
import { fileNames } from './names.ts';

/** What a store of JSON lines needs. */
export interface JsonlStoreOptions {
  /** Where the files go; created when missing, mode 0700. */
  readonly directory: string;
  /** Whether a batch is forced to the disk before it counts as stored. */
  readonly durable: boolean;
  readonly limits: Pick<Limits, 'maxRecordFileBytes'>;
}

/**
 * Opens a store that keeps the record as files of JSON lines. Each process writes its own files, so
 * that two gateways on one state directory never interleave.
 *
 * @throws RecordDirectoryUnsafe or RecordStoreFailed, before any call is taken.
 */
export async function openJsonlStore(options: JsonlStoreOptions): Promise<RecordStore> {
  const store = new JsonlStore(options);
  try {
    await store.append([]);
  } catch (thrown) {
    if (thrown instanceof PosternError) throw thrown;
    throw new RecordStoreFailed(`the record cannot be opened: ${messageOf(thrown)}`, {
      cause: thrown,
      details: { directory: options.directory },
    });
  }
  return store;
}

class JsonlStore implements RecordStore {
  readonly #options: JsonlStoreOptions;
  readonly #names: FileNames = fileNames();
  #file: RecordFile | null = null;
  /** The last append failed, so the file may end in part of it. */
  #damaged = false;

  constructor(options: JsonlStoreOptions) {
    this.#options = { ...options, directory: resolve(options.directory) };
  }

  async append(lines: readonly Buffer[]): Promise<void> {
    if (this.#damaged) await this.#repair();
    if (this.#file !== null && this.#file.size >= this.#options.limits.maxRecordFileBytes) {
      await this.#release();
    }
    this.#file ??= await this.#create();
    if (lines.length === 0) return;
    this.#damaged = true;
    await this.#file.append(lines);
    this.#damaged = false;
  }

  async close(): Promise<void> {
    try {
      if (this.#damaged) await this.#repair();
    } finally {
      await this.#release();
    }
  }

  async #repair(): Promise<void> {
    // A file that someone else took away is left alone; the record goes on in a new one.
    if (this.#file !== null && !(await this.#file.repair())) await this.#release();
    this.#damaged = false;
  }

  async #release(): Promise<void> {
    const file = this.#file;
    this.#file = null;
    await file?.close();
  }

  async #create(): Promise<RecordFile> {
    const { directory, durable } = this.#options;
    const created = await makeDirectories(directory, 0o700);
    const { mode } = await stat(directory);
    if ((mode & 0o077) !== 0) {
      throw new RecordDirectoryUnsafe('the record’s directory is open to other users', {
        details: { directory },
      });
    }
    const file = await RecordFile.create(join(directory, this.#names.next()), durable);
    try {
      // Without this a power cut may take the new name away together with what is in the file.
      if (durable) await syncDirectories(directory, created);
    } catch (thrown) {
      await file.close();
      throw thrown;
    }
    return file;
  }
}

/** Syncs the directory, and when it was just created, all above it that hold a new name. */
async function syncDirectories(directory: string, created: string | null): Promise<void> {
  const top = created === null ? directory : dirname(created);
  for (let path = directory; ; path = dirname(path)) {
    const handle = await open(path, 'r');
    try {
      await handle.sync();
    } finally {
      await handle.close();
    }
    if (path === top || path === dirname(path)) return;
  }
}
