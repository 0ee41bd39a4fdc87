import { createReadStream } from 'node:fs';
import { readdir } from 'node:fs/promises';
import { join } from 'node:path';
import type { CallEntry } from '#audit';
import { decodeEntry } from '#audit';
import { inRecordOrder } from './names.ts';

const LINE_FEED = 0x0a;
/** Far above what the recorder writes; a longer line is no entry. */
const MAX_LINE_BYTES = 1024 * 1024;

/** One line of the record, and where it is. */
export type RecordLine = {
  readonly file: string;
  /** Counted from 1. */
  readonly line: number;
} & (
  | { readonly entry: CallEntry }
  /**
   * `torn`: the last line of a file has no end, because its process died while it wrote (or is
   * writing now); the entry was never acknowledged. `unreadable`: not an entry at all.
   */
  | { readonly damage: 'torn' | 'unreadable' }
);

/**
 * Reads the record: files in the order in which their processes started, entries in the order in
 * which they were written. Damage is part of what is read, it does not end the reading. An entry
 * comes twice (with the same id) only where another program changed a file in use. A missing
 * directory is an empty record.
 *
 * @throws any error of the file system.
 */
export async function* readRecord(directory: string): AsyncGenerator<RecordLine, void, undefined> {
  for (const file of inRecordOrder(await namesIn(directory))) {
    let line = 0;
    for await (const { bytes, complete } of linesOf(join(directory, file))) {
      line += 1;
      const entry = bytes === null || !complete ? undefined : decodeEntry(bytes);
      if (entry !== undefined) yield { file, line, entry };
      else yield { file, line, damage: complete ? 'unreadable' : 'torn' };
    }
  }
}

async function namesIn(directory: string): Promise<string[]> {
  try {
    return await readdir(directory);
  } catch (thrown) {
    if (thrown instanceof Error && 'code' in thrown && thrown.code === 'ENOENT') return [];
    throw thrown;
  }
}

interface RawLine {
  /** `null` when the line is longer than any entry. */
  readonly bytes: Buffer | null;
  /** Whether a line feed ended it. */
  readonly complete: boolean;
}

async function* linesOf(path: string): AsyncGenerator<RawLine, void, undefined> {
  let parts: Buffer[] = [];
  let length = 0;
  const take = (complete: boolean): RawLine => {
    const bytes = length > MAX_LINE_BYTES ? null : Buffer.concat(parts);
    parts = [];
    length = 0;
    return { bytes, complete };
  };
  const add = (part: Buffer): void => {
    length += part.length;
    if (length <= MAX_LINE_BYTES) parts.push(part);
    else parts = [];
  };
  for await (const chunk of createReadStream(path) as AsyncIterable<Buffer>) {
    let start = 0;
    for (let end = chunk.indexOf(LINE_FEED); end !== -1; end = chunk.indexOf(LINE_FEED, start)) {
      add(chunk.subarray(start, end));
      start = end + 1;
      yield take(true);
    }
    if (start < chunk.length) add(chunk.subarray(start));
  }
  if (length > 0) yield take(false);
}
