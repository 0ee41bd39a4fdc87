import { setTimeout as delay } from 'node:timers/promises';
import type { MessagePort, Worker } from 'node:worker_threads';
import { MessageChannel } from 'node:worker_threads';
import { randomBytes } from 'node:crypto';
import type { Refusal } from '#audit';
import { RecordUnavailable } from '#audit';
import type { EventSink, Limits } from '#lib';
import { messageOf } from '#lib';
import type { Serving } from '../serving.ts';
import type { MemberShare } from './member.ts';
import { Member } from './member.ts';
import type { InForce } from './packed.ts';
import { packInForce } from './packed.ts';
import type { ToWorker, WorkerReport, WorkerStart } from './talk.ts';
import { answerAll } from './worker.ts';

/** What a {@link Crew} is made of. */
export interface CrewParts extends MemberShare {
  readonly size: number;
  /** Names this process in sessions. */
  readonly instance: string;
  /** Begins a thread that serves. */
  readonly begin: (start: WorkerStart, transfer: readonly MessagePort[]) => Worker;
  /** Takes what a worker has counted since its last report. */
  readonly addCounts: (counts: unknown) => void;
  readonly limits: Limits;
  readonly events: EventSink;
}

/** Where a crew works. */
export interface CrewPlace {
  /** Answers what workers cannot. */
  readonly serving: Serving;
  readonly inForce: () => InForce;
  readonly ports: ReadonlyMap<string, number>;
  readonly onUnfit: (listener: string, reason: string) => void;
  /** Workers have told what they do at present. */
  readonly onReports: () => void;
}

/** A worker that ends is replaced after a pause, which grows while new ones end soon. */
const PAUSE_MIN_MS = 100;
const PAUSE_MAX_MS = 10_000;
const SOON_MS = 30_000;
/** So often it is looked whether the record takes calls. */
const RECORD_LOOK_MS = 100;
/** What workers have counted is asked for so often, so that little of it is lost with one. */
const REPORT_MS = 1000;
/** For a worker to put in force what all others have, or to end what is over. */
const PATIENCE_MS = 10_000;

/** The workers of a gateway: begun together, told the same, and replaced when one ends. */
export class Crew {
  readonly #parts: CrewParts;
  readonly #canarySalt = randomBytes(16);
  #place: CrewPlace | null = null;
  readonly #members = new Map<number, Member>();
  #version = 0;
  #births = 0;
  #stopping = false;
  #reportTimer: NodeJS.Timeout | undefined;
  #recordTimer: NodeJS.Timeout | undefined;
  #refusal: Refusal | null = null;
  #pauseMs = PAUSE_MIN_MS;

  constructor(parts: CrewParts) {
    this.#parts = parts;
  }

  /**
   * Begins all workers; resolves when each has its ports open.
   *
   * @throws WorkerFailed with none left running.
   */
  async start(place: CrewPlace): Promise<void> {
    this.#place = place;
    const numbers = Array.from({ length: this.#parts.size }, (_, at) => at + 1);
    const members = numbers.map((index) => this.#begin(index, place));
    try {
      await Promise.all(members.map(({ opened }) => opened));
    } catch (thrown) {
      await this.close();
      throw thrown;
    }
    this.#reportTimer = setInterval(() => void this.reports(), REPORT_MS).unref();
    this.#recordTimer = setInterval(() => this.#lookAtRecord(), RECORD_LOOK_MS).unref();
  }

  /** Puts in force what is so by now; resolves when it is with every worker. */
  async putInForce(): Promise<void> {
    if (this.#place === null) return;
    this.#version += 1;
    const inForce = packInForce(this.#place.inForce());
    const message = { kind: 'in-force', version: this.#version, inForce } as const;
    await Promise.all(
      [...this.#members.values()].map(async (member) => {
        const late = delay(PATIENCE_MS, true, { ref: false });
        const isLate = await Promise.race([member.use(message), late]);
        if (isLate === true) await member.kill();
      }),
    );
  }

  /** Whether some worker takes connections. */
  get isServing(): boolean {
    return [...this.#members.values()].some(({ isOpen }) => isOpen);
  }

  /** What each worker does at present. */
  async reports(): Promise<readonly WorkerReport[]> {
    const members = [...this.#members.values()];
    const asked = members.map((member) =>
      Promise.race([member.ask(), delay(REPORT_MS, member.report, { ref: false })]),
    );
    const reports = (await Promise.all(asked)).filter((report) => report !== null);
    this.#place?.onReports();
    return reports;
  }

  /** What they did when they were last asked. */
  lastReports(): readonly WorkerReport[] {
    return [...this.#members.values()].flatMap(({ report }) => report ?? []);
  }

  drainOld(): void {
    this.#tellAll({ kind: 'drain-old' });
  }

  /** Takes no further connections, and ends calls in flight. */
  drain(): void {
    if (this.#stopping) return;
    this.#stopping = true;
    this.#tellAll({ kind: 'drain' });
  }

  /** Ends all workers, those that have drained in order. */
  async close(): Promise<void> {
    this.drain();
    clearInterval(this.#reportTimer);
    clearInterval(this.#recordTimer);
    await Promise.all([...this.#members.values()].map((member) => this.#end(member)));
  }

  async #end(member: Member): Promise<void> {
    const { drainTimeoutMs } = this.#parts.limits;
    await Promise.race([member.drained, delay(drainTimeoutMs + PATIENCE_MS, null, { ref: false })]);
    member.tell({ kind: 'close' });
    await Promise.race([member.ended, delay(PATIENCE_MS, null, { ref: false })]);
    await member.kill();
  }

  #begin(index: number, place: CrewPlace): Member {
    const { instance, limits, begin, events } = this.#parts;
    this.#births += 1;
    const requests = new MessageChannel();
    const start: WorkerStart = {
      index,
      instance: `${instance}/${index}:${this.#births}`,
      ports: place.ports,
      canarySalt: this.#canarySalt,
      inForce: packInForce(place.inForce()),
      version: this.#version,
      asking: requests.port1,
    };
    answerAll(requests.port2, place.serving, limits);
    const bornAt = performance.now();
    const member = new Member(index, begin(start, [requests.port1]), this.#parts, {
      onEvent: events,
      onUnfit: place.onUnfit,
      onCounts: this.#parts.addCounts,
      onRecordFailed: () => this.#lookAtRecord(),
      onEnd: (why) => this.#onEnd(member, why, performance.now() - bornAt),
    });
    if (this.#refusal !== null) member.tell({ kind: 'record', refusal: this.#refusal });
    for (const other of this.#members.values()) member.meet(other);
    this.#members.set(index, member);
    return member;
  }

  #onEnd(member: Member, why: string, livedMs: number): void {
    if (this.#members.get(member.index) === member) this.#members.delete(member.index);
    if (this.#stopping || this.#place === null) return;
    this.#pauseMs =
      livedMs < SOON_MS ? Math.min(2 * this.#pauseMs, PAUSE_MAX_MS) : 2 * PAUSE_MIN_MS;
    const pauseMs = this.#pauseMs / 2;
    this.#parts.events({
      severity: 'alert',
      name: 'worker.ended',
      message: `worker ${member.index} has ended; its calls in flight are lost, and another begins`,
      fields: { worker: member.index, why, lived_ms: Math.round(livedMs), pause_ms: pauseMs },
    });
    this.#replaceAfter(pauseMs, member.index, this.#place);
  }

  #replaceAfter(pauseMs: number, index: number, place: CrewPlace): void {
    setTimeout(() => {
      if (this.#stopping) return;
      try {
        this.#replace(index, place);
      } catch (thrown) {
        // The system has no room for another thread, perhaps for a moment.
        this.#parts.events({
          severity: 'alert',
          name: 'worker.not_begun',
          message: `worker ${index} cannot begin; it is tried again`,
          fields: { worker: index, why: messageOf(thrown), pause_ms: PAUSE_MAX_MS },
        });
        this.#replaceAfter(PAUSE_MAX_MS, index, place);
      }
    }, pauseMs).unref();
  }

  #replace(index: number, place: CrewPlace): void {
    const version = this.#version;
    const member = this.#begin(index, place);
    member.opened.then(
      () => this.#onReplaced(index, version),
      () => undefined,
    );
  }

  #onReplaced(index: number, version: number): void {
    // What was put in force while it began.
    if (version !== this.#version) void this.putInForce();
    this.#parts.events({
      severity: 'info',
      name: 'worker.replaced',
      message: `worker ${index} serves again`,
      fields: { worker: index },
    });
  }

  /** While the record takes nothing, no worker admits a call; once it does, all do. */
  #lookAtRecord(): void {
    const refusal = this.#recordRefusal();
    if (refusal === this.#refusal) return;
    this.#refusal = refusal;
    this.#tellAll({ kind: 'record', refusal });
  }

  #recordRefusal(): Refusal | null {
    try {
      this.#parts.recorder.admit();
      return null;
    } catch (thrown) {
      if (!(thrown instanceof RecordUnavailable)) throw thrown;
      return thrown.details['reason'] as Refusal;
    }
  }

  #tellAll(message: ToWorker): void {
    for (const member of this.#members.values()) member.tell(message);
  }
}
