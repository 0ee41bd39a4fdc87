import type { Limits } from '#lib';
import type { Frame } from '#mcp';
import type { ReplyHead, ReplySink } from '#pipeline';
import { formatEvent, readEvent, readMessage } from '#transport';

/** What a client is to see of a server's message: other bytes, the same, or `null` for nothing. */
export type Inbound = (frame: Frame) => Buffer | null;

/** The session is the shared endpoint's own, and so are the ids of events. */
const HEAD: ReplyHead = { sessionId: null };

/** Passes one member's reply on to the client, each message as the client has to see it. */
export class RelaySink implements ReplySink {
  readonly #sink: ReplySink;
  readonly #inbound: Inbound;
  readonly #limits: Limits;
  /** Takes back an answer that is to be tried again; asked before anything is passed on. */
  readonly #takesBack: (status: number, frame: Frame) => boolean;

  constructor(
    sink: ReplySink,
    inbound: Inbound,
    limits: Limits,
    takesBack: (status: number, frame: Frame) => boolean = () => false,
  ) {
    this.#sink = sink;
    this.#inbound = inbound;
    this.#limits = limits;
    this.#takesBack = takesBack;
  }

  get started(): boolean {
    return this.#sink.started;
  }

  json(status: number, _head: ReplyHead, body: Buffer): void {
    const frame = readMessage(body, this.#limits);
    if (this.#takesBack(status, frame)) return;
    this.#sink.json(status, HEAD, this.#inbound(frame) ?? body);
  }

  empty(status: number): void {
    this.#sink.empty(status, HEAD);
  }

  openEvents(): void {
    this.#sink.openEvents(HEAD);
  }

  async event(wire: Buffer): Promise<void> {
    const { message, id } = readEvent(wire, false);
    // Events without a message offer a way to resume that leads to one member alone.
    if (message === null) return;
    const body = this.#inbound(readMessage(message, this.#limits));
    if (body === null) return;
    const same = body === message && id === null;
    await this.#sink.event(same ? wire : formatEvent(body));
  }

  endEvents(): void {
    this.#sink.endEvents();
  }

  abort(): void {
    this.#sink.abort();
  }
}
