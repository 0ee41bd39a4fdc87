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
  readonly send: (batch: number, lines: readonly Buffer[]) => void;
}

interface Waiting {
  readonly resolve: () => void;
  readonly reject: (failure: PosternError) => void;
}

interface Batch {
  readonly number: number;
  readonly waiting: readonly Waiting[];
  readonly sentAt: number;
}

/** Has its entries written by another thread, which has the record: those of one turn go together. */
export class RemoteRecorder implements Recorder {
  readonly on: boolean;
  readonly #options: RemoteRecorderOptions;
  readonly #isDurable: boolean;
  #lines: Buffer[] = [];
  #waiting: Waiting[] = [];
  /** Not told of yet, oldest first; never many. */
  #sent: Batch[] = [];
  #lastNumber = 0;
  #pending = 0;
  #written = 0;
  #failed = 0;
  #refusal: Refusal | null = null;
  #isSending = false;

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
    if (this.#pending >= 2 * this.#options.limits.maxRecordQueue) {
      this.#failed += 1;
      if (this.#isDurable) throw unavailable('queue_full');
      return;
    }
    this.#pending += 1;
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

  /** Lines of a batch are stored, or why they are not. */
  recorded(batch: number, failure: Refusal | null): void {
    const at = this.#sent.findIndex(({ number }) => number === batch);
    const [told] = this.#sent.splice(at, 1);
    if (at < 0 || told === undefined) throw new Error(`there is no batch ${batch} of the record`);
    const { waiting } = told;
    this.#pending -= waiting.length;
    if (failure === null) this.#written += waiting.length;
    else this.#failed += waiting.length;
    const error = failure === null ? null : unavailable(failure);
    for (const { resolve, reject } of waiting) {
      if (error === null) resolve();
      else reject(error);
    }
  }

  /** Why the record takes no call, `null` when it does by now. */
  refuse(refusal: Refusal | null): void {
    this.#refusal = refusal;
  }

  /** What is written is written by the other thread. */
  async flush(): Promise<void> {
    this.#send();
  }

  async close(): Promise<void> {
    this.#refusal = 'closed';
    this.#send();
  }

  stats(): RecorderStats {
    return { written: this.#written, pending: this.#pending, failed: this.#failed, lost: 0 };
  }

  #refusalNow(): Refusal | null {
    if (this.#refusal !== null) return this.#refusal;
    const { maxRecordQueue, recordStallTimeoutMs } = this.#options.limits;
    if (this.#pending >= maxRecordQueue) return 'queue_full';
    const [oldest] = this.#sent;
    const isStalled =
      oldest !== undefined && performance.now() - oldest.sentAt > recordStallTimeoutMs;
    return isStalled ? 'stalled' : null;
  }

  #sendSoon(): void {
    if (this.#isSending) return;
    this.#isSending = true;
    setImmediate(() => this.#send());
  }

  #send(): void {
    this.#isSending = false;
    const lines = this.#lines;
    if (lines.length === 0) return;
    this.#lastNumber += 1;
    const number = this.#lastNumber;
    this.#sent.push({ number, waiting: this.#waiting, sentAt: performance.now() });
    this.#lines = [];
    this.#waiting = [];
    this.#options.send(number, lines);
  }
}
