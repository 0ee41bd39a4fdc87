import type { EventSink, Limits } from '#lib';
import { encodeEntry } from './encode.ts';
import type { CallEntry } from './entry.ts';
import { GroupCommit, unavailable } from './group-commit.ts';
import type { RecordStore } from './port.ts';

/**
 * `durable`: an entry is on disk before its call is answered, and calls are refused while that
 * cannot be. `async`: entries are written in the background, and calls go on without them. `off`:
 * no record.
 */
export type RecordMode = 'durable' | 'async' | 'off';

declare const admitted: unique symbol;

/** Proof that the record could take a call when it began; forwarding asks for one. */
export interface Admission {
  readonly [admitted]: true;
}

/** Counts of entries since the start. */
export interface RecorderStats {
  /** Stored. */
  readonly written: number;
  /** Waiting for their first write, or in it. */
  readonly pending: number;
  /** Not written when they should have been; they are written first once the store works again. */
  readonly failed: number;
  /** Given up for want of room to wait, or by `close`. */
  readonly lost: number;
}

/** Keeps the record of calls. */
export interface Recorder {
  /** Whether entries are kept at all; making them costs time. */
  readonly on: boolean;
  /**
   * Admits a call that is about to be forwarded.
   *
   * @throws RecordUnavailable in durable mode, when the last write failed, a write hangs, too many
   *   entries wait, or the recorder is closed. `details.reason` says which.
   */
  admit(): Admission;
  /**
   * Records a call, admitted or refused. In durable mode it resolves when the entry is on disk; in
   * the other modes at once.
   *
   * @throws RecordUnavailable in durable mode, when the entry could not be written. It is kept and
   *   written once the store works again, unless too many wait already.
   */
  record(entry: CallEntry): Promise<void>;
  /**
   * Resolves when nothing waits any more.
   *
   * @throws RecordUnavailable when the store fails.
   */
  flush(): Promise<void>;
  /** Writes what waits and releases the store. Never throws: what could not be written is told. */
  close(): Promise<void>;
  stats(): RecorderStats;
}

/** A recorder that writes for others too. */
export interface LineRecorder extends Recorder {
  /**
   * Records calls that another thread has encoded, as {@link Recorder.record} does.
   *
   * @param lines of as many entries, each with a line feed at its end.
   * @throws RecordUnavailable
   */
  recordLines(lines: Buffer, entries: number): Promise<void>;
}

/** What a recorder needs. */
export interface RecorderOptions {
  readonly mode: RecordMode;
  /** `null` in mode `off` alone. */
  readonly store: RecordStore | null;
  readonly limits: Pick<Limits, 'maxRecordQueue' | 'recordStallTimeoutMs'>;
  readonly events: EventSink;
}

/** The only one: what it says is when it was given. */
export const ADMISSION = Object.freeze({}) as Admission;

/** Makes a recorder; `store` is its own from now on. */
export function createRecorder(options: RecorderOptions): LineRecorder {
  const { mode, store, limits, events } = options;
  if (mode === 'off') return offRecorder(store);
  if (store === null) throw new TypeError(`mode ${mode} needs a store`);
  const commit = new GroupCommit(store, limits, events);
  const common = {
    on: true,
    flush: () => commit.flush(),
    close: () => commit.close(),
    stats: () => commit.counts,
  };
  return mode === 'durable'
    ? { ...common, ...durable(commit, limits.maxRecordQueue) }
    : { ...common, ...background(commit, limits.maxRecordQueue) };
}

type Admitting = Pick<LineRecorder, 'admit' | 'record' | 'recordLines'>;

function durable(commit: GroupCommit, queue: number): Admitting {
  // Calls that were admitted before the queue was full still find room for their entries.
  const room = 2 * queue;
  const recordLines = (lines: Buffer, entries: number): Promise<void> =>
    new Promise((resolve, reject) => {
      commit.push({ lines, entries }, room, (failure) => {
        if (failure === undefined) resolve();
        else reject(failure);
      });
    });
  return {
    admit: () => {
      const refusal = commit.refusal();
      if (refusal !== null) throw unavailable(refusal);
      return ADMISSION;
    },
    // Async, so that an entry that cannot be encoded rejects.
    record: async (entry) => recordLines(encodeEntry(entry), 1),
    recordLines,
  };
}

function background(commit: GroupCommit, queue: number): Admitting {
  const recordLines = async (lines: Buffer, entries: number): Promise<void> =>
    commit.push({ lines, entries }, queue, () => undefined);
  return {
    admit: () => ADMISSION,
    record: async (entry) => recordLines(encodeEntry(entry), 1),
    recordLines,
  };
}

function offRecorder(store: RecordStore | null): LineRecorder {
  return {
    on: false,
    admit: () => ADMISSION,
    record: () => Promise.resolve(),
    recordLines: () => Promise.resolve(),
    flush: () => Promise.resolve(),
    close: async () => store?.close(),
    stats: () => ({ written: 0, pending: 0, failed: 0, lost: 0 }),
  };
}
