import type { RequestFrame } from '#mcp';
import { errorFrame, RPC } from '#mcp';
import { ResponseUnexpected, UpstreamOverloaded } from '../errors.ts';
import type { JsonReply, UpstreamReply, UpstreamRequest } from '../upstream.ts';
import { Eras, useInitialize } from './eras.ts';
import type { EventStreams } from './event-stream.ts';
import type { Launcher } from './launcher.ts';
import type { WorkerContext } from './worker.ts';
import { Worker } from './worker.ts';

/** The processes that serve sessionless calls (2026-07-28) of one server, apart for each principal. */
export class Pool {
  readonly #launcher: Launcher;
  readonly #context: WorkerContext;
  readonly #eras = new Eras();
  readonly #workers = new Set<Worker>();

  constructor(launcher: Launcher, streams: EventStreams) {
    this.#launcher = launcher;
    this.#context = {
      launcher,
      streams,
      eras: this.#eras,
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
    const { httpMethod, frame, principal } = request;
    if (httpMethod !== 'POST' || frame === null) {
      return { kind: 'empty', status: 405, sessionId: null };
    }
    if (frame.kind === 'response') {
      throw new ResponseUnexpected('servers of this revision send no requests');
    }
    if (frame.kind === 'notification') {
      // The revision defines none over HTTP, and no process could be named that it is meant for.
      return { kind: 'empty', status: 202, sessionId: null };
    }
    if (frame.method === 'initialize') return noInitialize(frame);
    if (this.#eras.isStateful(principal)) {
      const answer = useInitialize(frame.id, 'it did not know server/discover');
      return { kind: 'json', status: 400, frame: answer, sessionId: null };
    }
    return this.#workerFor(principal, frame).carry(frame, request);
  }

  tick(now: number): void {
    for (const worker of this.#workers) worker.tick(now);
  }

  close(): void {
    for (const worker of this.#workers) worker.end('the gateway stops');
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

function noInitialize(frame: RequestFrame): JsonReply {
  const message = 'this revision has no initialize; send no MCP-Protocol-Version header with it';
  const answer = errorFrame(frame.id, { code: RPC.methodNotFound, message });
  return { kind: 'json', status: 404, frame: answer, sessionId: null };
}
