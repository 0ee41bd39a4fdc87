import type { PosternError } from '#lib';
import { toPosternError } from '#lib';
import type { ChannelHandlers, ChannelSource } from '../duplex/channel.ts';
import { UpstreamOverloaded, UpstreamUnavailable } from '../errors.ts';
import { ChildChannel } from './channel.ts';
import type { Program } from './program.ts';
import { Restarts } from './restarts.ts';

/** A program that dies sooner than this did not really start. */
const YOUNG_MS = 1000;

interface Life {
  over(): void;
  failed(error: PosternError, pid?: number): void;
}

/** Starts the processes of one server and knows them until they are gone. */
export class Launcher implements ChannelSource {
  readonly program: Program;
  readonly #restarts: Restarts;
  readonly #channels = new Set<ChildChannel>();
  readonly #maxChildren: number;
  #trouble: string | null = null;
  #closed = false;

  constructor(program: Program) {
    const { limits } = program;
    this.program = program;
    this.#restarts = new Restarts(limits);
    // As many again may be on their way out.
    this.#maxChildren = 2 * (limits.maxSessionsPerServer + limits.maxStatelessChildren);
  }

  /** Processes that are not gone yet, those being stopped included. */
  get children(): number {
    return this.#channels.size;
  }

  /** Why the program last failed to start or died young, `null` when a start since went well. */
  get trouble(): string | null {
    return this.#trouble;
  }

  /**
   * Makes sure that a process may be started for a principal now.
   *
   * @throws UpstreamUnavailable while it has to wait after failures, or for good after `close`.
   * @throws UpstreamCredentialUnavailable while a part of its environment is not there yet.
   * @throws UpstreamOverloaded when too many processes are still being stopped.
   */
  check(principal: string): void {
    const { name } = this.program;
    if (this.#closed) throw new UpstreamUnavailable(`"${name}" is being shut down`);
    // Asked before a start that would fail for want of them, and make later ones wait.
    this.program.credentials();
    this.#restarts.check(principal);
    if (this.#channels.size >= this.#maxChildren) {
      throw new UpstreamOverloaded(`too many processes of "${name}" are still being stopped`);
    }
  }

  /**
   * Starts a process for a principal; {@link check} comes first.
   *
   * @throws UpstreamUnavailable when the program cannot even be tried.
   */
  open(principal: string, handlers: ChannelHandlers): ChildChannel {
    const life = this.#watch(principal);
    try {
      const channel = new ChildChannel(this.program, {
        ...handlers,
        onClosed: (error) => {
          life.failed(error, channel.pid);
          handlers.onClosed(error);
        },
      });
      this.#channels.add(channel);
      void this.#forget(channel, life);
      return channel;
    } catch (thrown) {
      life.failed(toPosternError(thrown));
      throw thrown;
    }
  }

  /** The last end of a process of this principal was no failure after all. */
  forgive(principal: string): void {
    this.#trouble = null;
    this.#restarts.succeeded(principal);
  }

  /** Ends every process and starts no more; resolves when all are gone. */
  async close(): Promise<void> {
    this.#closed = true;
    await Promise.all([...this.#channels].map((channel) => channel.stop()));
  }

  async #forget(channel: ChildChannel, life: Life): Promise<void> {
    await channel.gone;
    life.over();
    this.#channels.delete(channel);
  }

  /** Judges a start: it went well when the process lives for a while. */
  #watch(principal: string): Life {
    const startedAt = performance.now();
    const proven = setTimeout(() => this.forgive(principal), YOUNG_MS).unref();
    return {
      over: () => clearTimeout(proven),
      failed: (error, pid) => {
        clearTimeout(proven);
        this.#tell(error, pid);
        if (performance.now() - startedAt >= YOUNG_MS) return;
        this.#trouble = error.message;
        this.#restarts.failed(principal, error.message);
      },
    };
  }

  #tell(error: PosternError, pid: number | undefined): void {
    this.program.events({
      severity: 'warn',
      name: 'upstream.ended',
      message: error.message,
      fields: {
        server: this.program.name,
        ...(pid === undefined ? {} : { pid }),
        code: error.code,
      },
    });
  }
}
