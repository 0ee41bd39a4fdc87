import type { RequestFrame } from '#mcp';
import type { EventStreams } from '../duplex/event-stream.ts';
import { sortSessionless, useInitialize } from '../duplex/sessionless.ts';
import { UpstreamOverloaded } from '../errors.ts';
import type { UpstreamReply, UpstreamRequest } from '../upstream.ts';
import { Eras } from './eras.ts';
import type { Launcher } from './launcher.ts';
import { renamed, restored } from './shared/renamed.ts';
import type { WorkerContext } from './worker.ts';
import { Worker } from './worker.ts';

/** The processes that serve sessionless calls (2026-07-28) of one server, apart for each principal. */
export class Pool {
  readonly #launcher: Launcher;
  readonly #context: WorkerContext;
  readonly #eras = new Eras();
  readonly #workers = new Set<Worker>();
  #lastId = 0;

  constructor(launcher: Launcher, streams: EventStreams, isShared: boolean) {
    this.#launcher = launcher;
    this.#context = {
      launcher,
      streams,
      eras: this.#eras,
      isShared,
      onEnded: (worker) => this.#workers.delete(worker),
    };
  }

  get size(): number {
    return this.#workers.size;
  }

  /**
   * Carries one exchange of the stateless era.
   *
   * @throws UpstreamOverloaded, ResponseUnexpected, and what the call meets.
   */
  async exchange(request: UpstreamRequest): Promise<UpstreamReply> {
    const sorted = sortSessionless(request);
    if ('reply' in sorted) return sorted.reply;
    const { request: frame } = sorted;
    const { principal } = request;
    if (this.#eras.isStateful(principal)) {
      return useInitialize(frame.id, 'it did not know server/discover');
    }
    return this.#context.isShared
      ? this.#carryShared(frame, request)
      : this.#workerFor(principal, frame).carry(frame, request);
  }

  tick(now: number): void {
    for (const worker of this.#workers) worker.tick(now);
  }

  close(): void {
    for (const worker of this.#workers) worker.end('the gateway stops');
  }

  /** Clients that share a process know nothing of each other’s ids. */
  async #carryShared(frame: RequestFrame, request: UpstreamRequest): Promise<UpstreamReply> {
    const { limits } = this.#launcher.program;
    this.#lastId += 1;
    const id = this.#lastId;
    const asked = renamed(frame, id, limits);
    const reply = await this.#workerFor(request.principal, asked).carry(asked, request);
    return restored(reply, frame, id, limits);
  }

  #workerFor(principal: string, frame: RequestFrame): Worker {
    for (const worker of this.#workers) {
      if (worker.principal === principal && worker.canTake(frame)) return worker;
    }
    this.#launcher.check(principal);
    this.#makeRoom(principal);
    const worker = new Worker(this.#context, principal);
    this.#workers.add(worker);
    return worker;
  }

  #makeRoom(principal: string): void {
    const { maxStatelessChildren: max } = this.#launcher.program.limits;
    // Nobody takes the last quarter alone, so that there is something left for the others.
    const share = Math.ceil(max * 0.75);
    const mine = [...this.#workers].filter((worker) => worker.principal === principal);
    if (mine.length >= share && !endOneOf(mine)) throw tooBusy(mine.length);
    if (this.#workers.size >= max && !endOneOf([...this.#workers])) throw tooBusy(max);
  }
}

/** Ends the process that has been idle the longest; false when all are busy. */
function endOneOf(workers: readonly Worker[]): boolean {
  const idle = workers.filter((worker) => worker.idle);
  const [oldest] = idle.toSorted((a, b) => a.usedAt - b.usedAt);
  oldest?.end('another call needed its place');
  return oldest !== undefined;
}

function tooBusy(max: number): Error {
  return new UpstreamOverloaded(`${max} processes are busy with sessionless calls`, {
    details: { limit: 'max_stateless_children', max },
  });
}
