import type { MessagePort } from 'node:worker_threads';
import type { RemoteRecorder } from '#audit';
import type { ListenerSettings, ServerSettings } from '#config';
import type { EventSink, Limits } from '#lib';
import { messageOf } from '#lib';
import type { HttpExchange, Upstream } from '#transport';
import { destroyRefused } from '../destroy-refused.ts';
import { AnswerLost, WorkerLost } from '../errors.ts';
import type { Listener } from '../listener.ts';
import type { Serving } from '../serving.ts';
import type { Answer } from './answering.ts';
import { Answering } from './answering.ts';
import { Handover } from './handover.ts';
import type { InForce } from './packed.ts';
import { unpackInForce } from './packed.ts';
import type { RemoteProofs } from './remote-proofs.ts';
import type { ToMain, ToWorker, WorkerReport, WorkerStart } from './talk.ts';
import { MAIN, sharedServers, whoAnswers } from './who-answers.ts';

/** What a worker is made of. */
export interface WorkerParts {
  readonly start: WorkerStart;
  readonly listeners: readonly ListenerSettings[];
  readonly servers: readonly ServerSettings[];
  readonly upstreams: readonly Upstream[];
  /** As the start says it. */
  readonly inForce: InForce;
  readonly serving: Serving;
  readonly recorder: RemoteRecorder;
  readonly proofs: RemoteProofs;
  readonly limits: Limits;
  readonly events: EventSink;
  /** The way to the thread that decides. */
  readonly main: MessagePort;
  /** Takes what has been counted since it was last asked. */
  readonly takeCounts: () => unknown;
  /** Another identity or policy is in force. */
  readonly onInForce: (inForce: InForce) => void;
  /** Ends what else the thread has, when it has drained and its ports are closed. */
  readonly close: () => Promise<void>;
}

/** How often open streams are asked again whether they are permitted. */
const RECHECK_MS = 30_000;

/**
 * A thread that serves: it has ports of its own at the same addresses as the others have, to each of
 * which the kernel gives a share of the connections.
 */
export class ServingWorker {
  readonly #parts: WorkerParts;
  readonly #listeners: readonly Listener[];
  readonly #others = new Map<number, Handover>();
  readonly #shared: ReadonlySet<string>;
  readonly #recheckTimer: NodeJS.Timeout;

  constructor(parts: WorkerParts) {
    this.#parts = parts;
    this.#shared = sharedServers(parts.servers);
    parts.serving.usePolicy(parts.inForce.policy);
    this.#listeners = parts.listeners.map((settings) => this.#createListener(settings));
    this.#ask(MAIN, parts.start.asking);
    parts.main.on('message', (message: ToWorker) => this.#onMessage(message));
    // Certificates expire without anybody changing the policy.
    this.#recheckTimer = setInterval(() => this.#recheck(), RECHECK_MS).unref();
  }

  /** @throws ListenFailed */
  async open(): Promise<void> {
    for (const listener of this.#listeners) await listener.open();
    this.#tell({ kind: 'open' });
  }

  /** Destroys the connections of clients that are refused since a moment ago. */
  destroyRefused(): void {
    destroyRefused(this.#listeners, this.#parts.events);
    this.#recheck();
  }

  #createListener({ name, host, port, tls }: ListenerSettings): Listener {
    const { start, inForce, serving } = this.#parts;
    const plan = inForce.plans.get(name);
    if (tls !== null && plan === undefined) throw new Error(`listener ${name} has no plan`);
    const listener = serving.openTo({
      name,
      host,
      port: start.ports.get(name) ?? port,
      reusePort: true,
      canarySalt: Buffer.from(start.canarySalt),
      tls: plan?.stable ?? null,
      onCanaryUnfit: (reason) => this.#tell({ kind: 'unfit', listener: name, reason }),
      onRequest: (exchange, arrival) => {
        const { index } = start;
        // What is refused whatever it says is refused here.
        const answering =
          arrival.refusal === null ? whoAnswers(exchange, index, this.#shared) : index;
        const other = answering === index ? undefined : this.#others.get(answering);
        if (other === undefined) serving.handle(name, exchange, arrival);
        else other.send(exchange, name, arrival);
      },
    });
    if (plan !== undefined) listener.use(plan);
    return listener;
  }

  /** Has requests answered by another thread. */
  #ask(index: number, port: MessagePort): void {
    const lost = (exchange: HttpExchange, wasTold: boolean): void => {
      const error = wasTold
        ? new AnswerLost('the worker that had it has ended')
        : new WorkerLost('who had the session has just ended');
      this.#parts.serving.reject(exchange, error);
    };
    const handover = new Handover(port, lost);
    this.#others.set(index, handover);
    port.once('close', () => {
      if (this.#others.get(index) === handover) this.#others.delete(index);
    });
  }

  #onMessage(message: ToWorker): void {
    const { recorder, proofs, serving } = this.#parts;
    switch (message.kind) {
      case 'recorded':
        recorder.recorded(message.failure);
        break;
      case 'record':
        recorder.refuse(message.refusal);
        break;
      case 'proof':
        proofs.answered(message.question, message.answer);
        break;
      case 'in-force':
        this.#use(message);
        break;
      case 'neighbour':
        this.#ask(message.index, message.asking);
        answerAll(message.answering, serving, this.#parts.limits);
        break;
      case 'report':
        this.#tell({ kind: 'report', question: message.question, report: this.#report() });
        break;
      case 'drain-old':
        for (const listener of this.#listeners) listener.drainOld();
        this.#recheck();
        break;
      case 'drain':
        void this.#drain();
        break;
      case 'close':
        void this.#close();
        break;
    }
  }

  /** What cannot be put in force here is not left out: the thread ends, and another begins with it. */
  #use({ version, inForce: packed }: ToWorker & { kind: 'in-force' }): void {
    try {
      const inForce = unpackInForce(packed);
      for (const listener of this.#listeners) {
        const plan = inForce.plans.get(listener.name);
        if (plan !== undefined) listener.use(plan);
      }
      this.#parts.serving.usePolicy(inForce.policy);
      this.#parts.onInForce(inForce);
      this.#recheck();
      this.#tell({ kind: 'applied', version });
    } catch (thrown) {
      this.#tell({ kind: 'failed', why: messageOf(thrown) });
    }
  }

  #report(): WorkerReport {
    const { serving, upstreams, takeCounts } = this.#parts;
    const listeners = this.#listeners.flatMap((listener) => {
      const report = listener.report();
      return report === null ? [] : [[listener.name, report] as const];
    });
    return {
      callsInFlight: serving.callsInFlight,
      listeners: new Map(listeners),
      servers: new Map(upstreams.map((upstream) => [upstream.name, upstream.stats()])),
      counts: takeCounts(),
    };
  }

  #recheck(): void {
    this.#parts.serving.recheck();
    for (const other of this.#others.values()) other.recheck();
  }

  async #drain(): Promise<void> {
    for (const listener of this.#listeners) listener.drain();
    await this.#parts.serving.drain();
    this.#tell({ kind: 'drained' });
  }

  async #close(): Promise<void> {
    clearInterval(this.#recheckTimer);
    await Promise.all(this.#listeners.map((listener) => listener.close()));
    await this.#parts.serving.close();
    await this.#parts.recorder.close();
    await this.#parts.close();
    this.#tell({ kind: 'report', question: 0, report: this.#report() });
    this.#parts.main.close();
  }

  #tell(message: ToMain): void {
    this.#parts.main.postMessage(message);
  }
}

/** Answers the requests that come from another thread. */
export function answerAll(
  port: MessagePort,
  serving: Serving,
  { keepAliveTimeoutMs }: Pick<Limits, 'keepAliveTimeoutMs'>,
): Answering {
  const answer: Answer = (listener, exchange, arrival) =>
    serving.handle(listener, exchange, arrival);
  return new Answering(port, answer, keepAliveTimeoutMs);
}
