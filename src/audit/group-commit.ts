import { setImmediate as endOfTurn, setTimeout as delay } from 'node:timers/promises';
import type { EventSink, Limits, PosternError } from '#lib';
import { messageOf } from '#lib';
import { RecordUnavailable } from './errors.ts';
import type { RecordStore } from './port.ts';

/** A durable write costs the CPU as much as some ten entries; quick disks would get one for every few. */
const COMMIT_EVERY_MS = 1;
const MAX_BATCH_ENTRIES = 4096;
const MAX_BATCH_BYTES = 4 * 1024 * 1024;
const RETRY_MIN_MS = 100;
const RETRY_MAX_MS = 5000;

/** Called once: with nothing when the line is stored, with the failure when it is not (yet). */
export type Settle = (failure?: PosternError) => void;

/** Entries that are stored together. */
export interface Lines {
  readonly lines: Buffer;
  readonly entries: number;
}

interface Waiting extends Lines {
  readonly settle: Settle;
}

/** Why the record cannot take a call. */
export type Refusal = 'closed' | 'write_failed' | 'stalled' | 'queue_full';

/**
 * Writes lines in batches: whatever gathers while one batch is on its way to the disk is the next
 * one. Lines whose write failed are kept in order and written before anything else once the store
 * works again; it is tried at growing intervals for as long as it takes.
 */
export class GroupCommit {
  readonly #store: RecordStore;
  readonly #events: EventSink;
  readonly #limits: Pick<Limits, 'maxRecordQueue' | 'recordStallTimeoutMs'>;
  /** Lines not tried yet. */
  #queue: Waiting[] = [];
  /** Lines that were tried in vain, or came while the store failed. */
  #kept: Lines[] = [];
  /** Entries of these. */
  #queued = 0;
  #keptEntries = 0;
  #inFlight = 0;
  #writeStartedAt = -Infinity;
  #work: Promise<void> | null = null;
  #failing = false;
  #closed = false;
  #retryTimer: NodeJS.Timeout | undefined;
  #retryPauseMs = RETRY_MIN_MS;
  /** Alerts of the present trouble that were given already. */
  readonly #alerted = new Set<string>();
  #written = 0;
  #lost = 0;

  constructor(
    store: RecordStore,
    limits: Pick<Limits, 'maxRecordQueue' | 'recordStallTimeoutMs'>,
    events: EventSink,
  ) {
    this.#store = store;
    this.#limits = limits;
    this.#events = events;
  }

  get counts(): { written: number; pending: number; failed: number; lost: number } {
    return {
      written: this.#written,
      pending: this.#untried(),
      failed: this.#keptEntries,
      lost: this.#lost,
    };
  }

  /** Why no further call may begin, `null` when all is well. Gives the alert of its reason once. */
  refusal(): Refusal | null {
    if (this.#closed) return 'closed';
    if (this.#failing) return 'write_failed';
    const stalledMs = this.#inFlight === 0 ? 0 : performance.now() - this.#writeStartedAt;
    if (stalledMs > this.#limits.recordStallTimeoutMs) {
      this.#alertOnce('record.stalled', 'the record’s disk does not answer; calls are refused');
      return 'stalled';
    }
    if (this.#untried() < this.#limits.maxRecordQueue) return null;
    this.#alertOnce('record.queue_full', 'the record’s disk is too slow; calls are refused');
    return 'queue_full';
  }

  /** Takes entries unless `room` of them wait already; then, or after `close`, they are lost. */
  push({ lines, entries }: Lines, room: number, settle: Settle): void {
    if (this.#closed || this.#untried() + this.#keptEntries >= room) {
      this.#lost += entries;
      this.#alertOnce('record.entries_lost', 'calls are missing in the record: no room to wait');
      settle(unavailable(this.#closed ? 'closed' : 'queue_full'));
    } else if (this.#failing) {
      this.#keep({ lines, entries });
      settle(unavailable('write_failed'));
    } else {
      this.#queue.push({ lines, entries, settle });
      this.#queued += entries;
      this.#begin(() => this.#drain());
    }
  }

  /**
   * Resolves when nothing waits any more.
   *
   * @throws RecordUnavailable when the store fails; what waits is kept.
   */
  async flush(): Promise<void> {
    await this.#idle();
    if (this.#kept.length > 0) {
      this.#begin(() => this.#retry());
      await this.#idle();
    }
    if (this.#kept.length > 0) throw unavailable('write_failed');
  }

  /** Writes what waits if it can, then releases the store. What is lost by that is told. */
  async close(): Promise<void> {
    if (this.#closed) return;
    this.#closed = true;
    await this.flush().catch(() => undefined);
    clearTimeout(this.#retryTimer);
    this.#lost += this.#keptEntries;
    this.#kept = [];
    this.#keptEntries = 0;
    if (this.#lost > 0) {
      this.#emit('alert', 'record.incomplete', 'calls are missing in the record', {
        lost: this.#lost,
      });
    }
    await this.#store.close().catch((thrown: unknown) => {
      this.#emit('error', 'record.close_failed', 'the record could not be closed cleanly', {
        error: messageOf(thrown),
      });
    });
  }

  /** One task at a time talks to the store. */
  #begin(task: () => Promise<void>): void {
    this.#work ??= task().finally(() => {
      this.#work = null;
      // A line may have come between the task's last look at the queue and now.
      if (this.#queue.length > 0) this.#begin(() => this.#drain());
    });
  }

  async #idle(): Promise<void> {
    while (this.#work !== null) await this.#work;
  }

  /** Lines that wait for their first write or are in it; a retry's lines are among the kept. */
  #untried(): number {
    return this.#queued + (this.#failing ? 0 : this.#inFlight);
  }

  async #drain(): Promise<void> {
    while (this.#queue.length > 0) {
      // Lets the entries of everything that has come by now into the batch: each costs the disk the same,
      // however many are in it.
      await endOfTurn();
      const earlyMs = COMMIT_EVERY_MS - (performance.now() - this.#writeStartedAt);
      if (earlyMs > 0) await delay(earlyMs);
      const batch = this.#queue.splice(0, batchLength(this.#queue));
      this.#queued -= entriesOf(batch);
      try {
        await this.#append(batch);
      } catch (thrown) {
        this.#queued = 0;
        this.#fail([...batch, ...this.#queue.splice(0)], thrown);
        return;
      }
      for (const { settle } of batch) settle();
    }
    if (this.#alerted.size > 0) this.#recovered();
  }

  async #append(batch: readonly Lines[]): Promise<void> {
    const entries = entriesOf(batch);
    this.#inFlight = entries;
    this.#writeStartedAt = performance.now();
    try {
      await this.#store.append(batch.map(({ lines }) => lines));
      this.#written += entries;
    } finally {
      this.#inFlight = 0;
    }
  }

  #fail(waiting: readonly Waiting[], thrown: unknown): void {
    this.#failing = true;
    for (const each of waiting) this.#keep(each);
    const failure = unavailable('write_failed', thrown);
    for (const { settle } of waiting) settle(failure);
    this.#emit('alert', 'record.unavailable', 'the record cannot be written; trying again', {
      error: messageOf(thrown),
      waiting: this.#keptEntries,
    });
    this.#retryLater();
  }

  #keep({ lines, entries }: Lines): void {
    this.#kept.push({ lines, entries });
    this.#keptEntries += entries;
  }

  #retryLater(): void {
    clearTimeout(this.#retryTimer);
    if (this.#closed) return;
    this.#retryTimer = setTimeout(() => this.#begin(() => this.#retry()), this.#retryPauseMs);
    this.#retryTimer.unref();
    this.#retryPauseMs = Math.min(this.#retryPauseMs * 2, RETRY_MAX_MS);
  }

  async #retry(): Promise<void> {
    clearTimeout(this.#retryTimer);
    while (this.#kept.length > 0) {
      const batch = this.#kept.slice(0, batchLength(this.#kept));
      try {
        await this.#append(batch);
      } catch {
        this.#retryLater();
        return;
      }
      this.#kept.splice(0, batch.length);
      this.#keptEntries -= entriesOf(batch);
    }
    this.#failing = false;
    this.#retryPauseMs = RETRY_MIN_MS;
    this.#recovered();
  }

  #recovered(): void {
    this.#alerted.clear();
    this.#emit('info', 'record.recovered', 'the record is up to date again', this.counts);
  }

  #alertOnce(name: string, message: string): void {
    if (this.#alerted.has(name)) return;
    this.#alerted.add(name);
    this.#emit('alert', name, message, this.counts);
  }

  #emit(
    severity: 'info' | 'error' | 'alert',
    name: string,
    message: string,
    fields: Readonly<Record<string, unknown>>,
  ): void {
    this.#events({ severity, name, message, fields });
  }
}

/** The failure a caller gets; the store's own words stay in the log, they name paths. */
export function unavailable(reason: Refusal, cause?: unknown): PosternError {
  return new RecordUnavailable('the call cannot be recorded', { cause, details: { reason } });
}

/** How many of these, at least one, make the next batch. */
function batchLength(waiting: readonly Lines[]): number {
  let bytes = 0;
  let entries = 0;
  for (const [count, each] of waiting.entries()) {
    bytes += each.lines.length;
    entries += each.entries;
    if (count > 0 && (bytes > MAX_BATCH_BYTES || entries > MAX_BATCH_ENTRIES)) return count;
  }
  return waiting.length;
}

function entriesOf(batch: readonly Lines[]): number {
  return batch.reduce((sum, { entries }) => sum + entries, 0);
}
