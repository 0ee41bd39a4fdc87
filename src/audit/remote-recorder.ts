import type { Limits, PosternError } from '#lib';
import { encodeEntry } from './encode.ts';
import type { CallEntry } from './entry.ts';
import type { Refusal } from './group-commit.ts';
import { unavailable } from './group-commit.ts';
import type { Admission, Recorder, RecorderStats, RecordMode } from './recorder.ts';
import { ADMISSION } from './recorder.ts';

/** What a {@link RemoteRecorder} works with. */
export interface RemoteRecorderOptions {
  readonly mode: RecordMode;
  readonly limits: Pick<Limits, 'maxRecordQueue' | 'recordStallTimeoutMs'>;
  /** Gives lines to whoever writes the record, to be told of with {@link RemoteRecorder.recorded}. */
  readonly send: (lines: Uint8Array, entries: number) => void;
}

interface Waiting {
  readonly resolve: () => void;
  readonly reject: (failure: PosternError) => void;
}

/**
 * Has its entries written by another thread, which has the record. Whatever gathers while it has some
 * is what it is given next: a message costs as much as several entries.
 */
export class RemoteRecorder implements Recorder {
  readonly on: boolean;
  readonly #options: RemoteRecorderOptions;
  readonly #isDurable: boolean;
  #lines: Buffer[] = [];
  #waiting: Waiting[] = [];
  /** With the other thread. */
  #sent: readonly Waiting[] = [];
  #sentAt = 0;
  #written = 0;
  #failed = 0;
  #refusal: Refusal | null = null;
  #isSending = false;
  #onIdle: (() => void)[] = [];

  constructor(options: RemoteRecorderOptions) {
    this.#options = options;
    this.on = options.mode !== 'off';
    this.#isDurable = options.mode === 'durable';
  }

  admit(): Admission {
    const refusal = this.#isDurable ? this.#refusalNow() : null;
    if (refusal !== null) throw unavailable(refusal);
    return ADMISSION;
  }

  async record(entry: CallEntry): Promise<void> {
    if (!this.on) return;
    const line = encodeEntry(entry);
    // Those that were admitted before the queue was full still find room.
    if (this.#pending() >= 2 * this.#options.limits.maxRecordQueue) {
      this.#failed += 1;
      if (this.#isDurable) throw unavailable('queue_full');
      return;
    }
    this.#lines.push(line);
    const { promise: stored, resolve, reject } = Promise.withResolvers<void>();
    this.#waiting.push({ resolve, reject });
    this.#sendSoon();
    if (!this.#isDurable) {
      stored.catch(() => undefined);
      return;
    }
    await stored;
  }

  /** What the other thread was given is stored, or why it is not. */
  recorded(failure: Refusal | null): void {
    const told = this.#sent;
    this.#sent = [];
    this.#send();
    if (failure === null) this.#written += told.length;
    else this.#failed += told.length;
    const error = failure === null ? null : unavailable(failure);
    for (const { resolve, reject } of told) {
      if (error === null) resolve();
      else reject(error);
    }
    if (this.#pending() > 0) return;
    for (const resolve of this.#onIdle.splice(0)) resolve();
  }

  /** Why the record takes no call, `null` when it does by now. */
  refuse(refusal: Refusal | null): void {
    this.#refusal = refusal;
  }

  /** Resolves when nothing waits any more; what failed is kept by the other thread. */
  async flush(): Promise<void> {
    this.#send();
    if (this.#pending() > 0) await new Promise<void>((resolve) => this.#onIdle.push(resolve));
  }

  async close(): Promise<void> {
    this.#refusal = 'closed';
    await this.flush();
  }

  stats(): RecorderStats {
    return { written: this.#written, pending: this.#pending(), failed: this.#failed, lost: 0 };
  }

  #refusalNow(): Refusal | null {
    if (this.#refusal !== null) return this.#refusal;
    const { maxRecordQueue, recordStallTimeoutMs } = this.#options.limits;
    if (this.#pending() >= maxRecordQueue) return 'queue_full';
    const stalledMs = this.#sent.length === 0 ? 0 : performance.now() - this.#sentAt;
    return stalledMs > recordStallTimeoutMs ? 'stalled' : null;
  }

  #pending(): number {
    return this.#waiting.length + this.#sent.length;
  }

  #sendSoon(): void {
    if (this.#isSending || this.#sent.length > 0) return;
    this.#isSending = true;
    // Those of the same turn go with it.
    setImmediate(() => {
      this.#isSending = false;
      this.#send();
    });
  }

  #send(): void {
    if (this.#sent.length > 0 || this.#lines.length === 0) return;
    const lines = Buffer.concat(this.#lines);
    this.#sent = this.#waiting;
    this.#sentAt = performance.now();
    this.#lines = [];
    this.#waiting = [];
    // Small buffers are parts of a pool, all of which would be copied.
    this.#options.send(
      lines.buffer.byteLength === lines.length ? lines : Uint8Array.from(lines),
      this.#sent.length,
    );
  }
}
