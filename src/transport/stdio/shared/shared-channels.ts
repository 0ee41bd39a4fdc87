import type { Channel, ChannelHandlers, ChannelSource } from '../../duplex/channel.ts';
import type { Launcher } from '../launcher.ts';
import { SharedProcess } from './shared-process.ts';

/**
 * Channels of sessions that share a process with the other sessions of their owner: of one principal,
 * or of everybody.
 */
export class SharedChannels implements ChannelSource {
  readonly #launcher: Launcher;
  readonly #ownerOf: (principal: string) => string;
  readonly #processes = new Map<string, SharedProcess>();

  constructor(launcher: Launcher, ownerOf: (principal: string) => string) {
    this.#launcher = launcher;
    this.#ownerOf = ownerOf;
  }

  /** Processes that run. */
  get size(): number {
    return this.#processes.size;
  }

  check(principal: string): void {
    const owner = this.#ownerOf(principal);
    if (!this.#processes.has(owner)) this.#launcher.check(owner);
  }

  open(principal: string, handlers: ChannelHandlers): Channel {
    return this.#processOf(this.#ownerOf(principal)).admit(handlers);
  }

  /** Ends processes that no session has used for a while. */
  tick(now: number): void {
    const { statelessChildIdleMs } = this.#launcher.program.limits;
    for (const shared of this.#processes.values()) {
      if (now - shared.unusedSince > statelessChildIdleMs) shared.stop();
    }
  }

  close(): void {
    for (const shared of this.#processes.values()) shared.stop();
  }

  #processOf(owner: string): SharedProcess {
    const running = this.#processes.get(owner);
    if (running !== undefined) return running;
    const shared = new SharedProcess(this.#launcher, owner, () => this.#processes.delete(owner));
    this.#processes.set(owner, shared);
    return shared;
  }
}
