import { setTimeout as delay } from 'node:timers/promises';
import type { MessagePort, Worker } from 'node:worker_threads';
import { MessageChannel } from 'node:worker_threads';
import type { LineRecorder, Refusal } from '#audit';
import { RecordUnavailable } from '#audit';
import type { PosternEvent } from '#lib';
import { messageOf } from '#lib';
import type { ReplayGuard } from '#oauth';
import { ProofsExhausted } from '#oauth';
import { WorkerFailed } from '../errors.ts';
import type { ToMain, ToWorker, WorkerReport } from './talk.ts';

/** What a {@link Member} tells of. */
export interface MemberHandlers {
  readonly onEvent: (event: PosternEvent) => void;
  readonly onUnfit: (listener: string, reason: string) => void;
  readonly onCounts: (counts: unknown) => void;
  /** The record could not take something. */
  readonly onRecordFailed: () => void;
  /** Called once, however it ended. */
  readonly onEnd: (why: string) => void;
}

/** What all members share. */
export interface MemberShare {
  readonly recorder: LineRecorder;
  readonly replay: ReplayGuard;
}

/** A thread that is stuck in native code does not end when it is told to. */
const KILL_PATIENCE_MS = 5000;
/** A worker that leaves so many questions without an answer for so long is stuck. */
const STUCK_QUESTIONS = 10;
const STUCK_MS = 30_000;

/** A worker, as the thread that decides sees it. */
export class Member {
  readonly index: number;
  readonly #thread: Worker;
  readonly #share: MemberShare;
  readonly #handlers: MemberHandlers;
  readonly #opened = Promise.withResolvers<void>();
  readonly #drained = Promise.withResolvers<void>();
  readonly #ended = Promise.withResolvers<void>();
  readonly #questions = new Map<number, (report: WorkerReport | null) => void>();
  /** When it answered last, or was asked first after that. */
  #heardAtMs = 0;
  readonly #versions: { readonly version: number; readonly applied: () => void }[] = [];
  #lastQuestion = 0;
  #hasEnded = false;
  #why = 'it ended';
  /** Of its last report. */
  report: WorkerReport | null = null;
  /** Whether its ports are open. */
  isOpen = false;

  constructor(index: number, thread: Worker, share: MemberShare, handlers: MemberHandlers) {
    this.index = index;
    this.#thread = thread;
    this.#share = share;
    this.#handlers = handlers;
    this.#opened.promise.catch(() => undefined);
    thread.on('message', (message: ToMain) => this.#onMessage(message));
    thread.on('error', (error) => {
      this.#why = messageOf(error);
    });
    thread.once('exit', () => this.#onExit());
  }

  /** Resolves when its ports are open. @throws WorkerFailed */
  get opened(): Promise<void> {
    return this.#opened.promise;
  }

  /** Resolves when its calls in flight have ended, or it has. */
  get drained(): Promise<void> {
    return this.#drained.promise;
  }

  /** Resolves when it has ended. */
  get ended(): Promise<void> {
    return this.#ended.promise;
  }

  tell(message: ToWorker, transfer: readonly MessagePort[] = []): void {
    if (!this.#hasEnded) this.#thread.postMessage(message, [...transfer]);
  }

  /** Gives both workers ways to each other. */
  meet(other: Member): void {
    const there = new MessageChannel();
    const back = new MessageChannel();
    this.tell(
      { kind: 'neighbour', index: other.index, asking: there.port1, answering: back.port2 },
      [there.port1, back.port2],
    );
    other.tell(
      { kind: 'neighbour', index: this.index, asking: back.port1, answering: there.port2 },
      [back.port1, there.port2],
    );
  }

  /** What it does at present; what it said last when it ends meanwhile. */
  async ask(): Promise<WorkerReport | null> {
    if (this.#hasEnded) return this.report;
    this.#endIfStuck();
    this.#lastQuestion += 1;
    const question = this.#lastQuestion;
    return await new Promise((resolve) => {
      this.#questions.set(question, resolve);
      this.tell({ kind: 'report', question });
    });
  }

  /** Puts something in force; resolves when it is, or the worker has ended. */
  async use(message: ToWorker & { readonly kind: 'in-force' }): Promise<void> {
    if (this.#hasEnded) return;
    await new Promise<void>((applied) => {
      this.#versions.push({ version: message.version, applied });
      this.tell(message);
    });
  }

  /** Ends it whatever it does; resolves in any case. */
  async kill(): Promise<void> {
    const late = delay(KILL_PATIENCE_MS, undefined, { ref: false });
    await Promise.race([this.#thread.terminate(), late]);
  }

  /** The connections of a worker that does nothing would wait for ever; those of one that ended do not. */
  #endIfStuck(): void {
    const nowMs = performance.now();
    if (this.#questions.size === 0) this.#heardAtMs = nowMs;
    if (this.#questions.size < STUCK_QUESTIONS || nowMs - this.#heardAtMs < STUCK_MS) return;
    this.#why = `it has answered nothing for ${STUCK_MS / 1000} s`;
    void this.kill();
  }

  #onMessage(message: ToMain): void {
    switch (message.kind) {
      case 'open':
        this.isOpen = true;
        this.#opened.resolve();
        break;
      case 'failed':
        this.#why = message.why;
        void this.kill();
        break;
      case 'applied':
        while ((this.#versions[0]?.version ?? Infinity) <= message.version) {
          this.#versions.shift()?.applied();
        }
        break;
      case 'event':
        this.#handlers.onEvent(message.event);
        break;
      case 'lines':
        void this.#record(message);
        break;
      case 'proof':
        void this.#answerProof(message);
        break;
      case 'unfit':
        this.#handlers.onUnfit(message.listener, message.reason);
        break;
      case 'report':
        this.#onReport(message);
        break;
      case 'drained':
        this.#drained.resolve();
        break;
    }
  }

  /** Lines are stored, or kept for later, in the order in which they come. */
  async #record({ lines, entries }: ToMain & { kind: 'lines' }): Promise<void> {
    const bytes = Buffer.from(lines.buffer, lines.byteOffset, lines.byteLength);
    try {
      await this.#share.recorder.recordLines(bytes, entries);
      this.tell({ kind: 'recorded', failure: null });
    } catch (thrown) {
      this.tell({ kind: 'recorded', failure: refusalOf(thrown) });
      this.#handlers.onRecordFailed();
    }
  }

  async #answerProof({ question, id }: ToMain & { kind: 'proof' }): Promise<void> {
    try {
      const isFirst = await this.#share.replay.firstUse(id, Date.now());
      this.tell({ kind: 'proof', question, answer: isFirst ? 'first' : 'used' });
    } catch (thrown) {
      if (!(thrown instanceof ProofsExhausted)) throw thrown;
      this.tell({ kind: 'proof', question, answer: 'exhausted' });
    }
  }

  #onReport({ question, report }: ToMain & { kind: 'report' }): void {
    this.report = report;
    this.#heardAtMs = performance.now();
    this.#handlers.onCounts(report.counts);
    this.#questions.get(question)?.(report);
    this.#questions.delete(question);
  }

  #onExit(): void {
    this.#hasEnded = true;
    for (const { applied } of this.#versions.splice(0)) applied();
    for (const answered of this.#questions.values()) answered(this.report);
    this.#questions.clear();
    this.#opened.reject(new WorkerFailed(`a worker could not begin to serve: ${this.#why}`));
    this.#drained.resolve();
    this.#ended.resolve();
    this.#handlers.onEnd(this.#why);
  }
}

/** Why the record did not take a line. */
function refusalOf(thrown: unknown): Refusal {
  if (!(thrown instanceof RecordUnavailable)) throw thrown;
  return thrown.details['reason'] as Refusal;
}
