import type { Limits } from '#lib';
import type { NotificationFrame, RequestFrame, RpcId } from '#mcp';
import { idKey } from '#mcp';
import type { ReplyHead, ReplySink } from '#pipeline';
import { formatEvent, readEvent, readMessage } from '#transport';

/** What a client is to see of a server's messages: other bytes or the same. */
export interface Inbound {
  answer(bytes: Buffer): Buffer;
  /** `null` for nothing. */
  aside(frame: RequestFrame | NotificationFrame): Buffer | null;
}

/** How {@link RelaySink} passes on. */
export interface RelayOptions {
  /** Of the request that the server answers; absent for messages that have no answer. */
  readonly id?: RpcId;
  readonly inbound: Inbound;
  readonly limits: Limits;
  /** Takes back an answer that is to be tried again; asked before anything is passed on. */
  readonly takesBack?: (status: number) => boolean;
  /**
   * Whether the client has a session, which is the endpoint's: 404 would tell it that this one is over
   * (2025-11-25, "Session Management"), and not the member's.
   */
  readonly inSession?: boolean;
  /** Whether a stream that breaks off can be taken up again; then its end is not passed on. */
  readonly resumable?: boolean;
}

/** The session is the shared endpoint's own, and so are the ids of events. */
const HEAD: ReplyHead = { sessionId: null };

/** Passes one member's reply on to the client, each message as the client has to see it. */
export class RelaySink implements ReplySink {
  readonly #sink: ReplySink;
  readonly #options: RelayOptions;
  #lastEventId: string | null = null;
  #answered = false;
  #opened = false;

  constructor(sink: ReplySink, options: RelayOptions) {
    this.#sink = sink;
    this.#options = options;
  }

  get started(): boolean {
    return this.#sink.started;
  }

  /** The answer has been passed on. */
  get answered(): boolean {
    return this.#answered;
  }

  /** The event after which a stream that ended without its answer goes on, `null` when there is none. */
  get resumesAfter(): string | null {
    const { resumable = false } = this.#options;
    return resumable && this.#opened && !this.#answered ? this.#lastEventId : null;
  }

  json(status: number, { neededScopes }: ReplyHead, body: Buffer): void {
    if (this.#options.takesBack?.(status) === true) return;
    // A refusal to take a stream up again leaves it where it is.
    if (this.#opened) return;
    this.#answered = true;
    const head = neededScopes === undefined ? HEAD : { ...HEAD, neededScopes };
    this.#sink.json(this.#statusFor(status), head, this.#options.inbound.answer(body));
  }

  empty(status: number): void {
    if (!this.#opened) this.#sink.empty(this.#statusFor(status), HEAD);
  }

  openEvents(): void {
    if (!this.#opened) this.#sink.openEvents(HEAD);
    this.#opened = true;
  }

  async event(wire: Buffer): Promise<void> {
    const { message, id } = readEvent(wire, false);
    this.#lastEventId = id ?? this.#lastEventId;
    // Events without a message offer a way to resume that leads to one member alone.
    if (message === null) return;
    const frame = readMessage(message, this.#options.limits);
    const { inbound, id: asked } = this.#options;
    if (frame.kind === 'response') {
      // A server must not answer what another one was asked.
      if (asked === undefined || frame.id === null || idKey(frame.id) !== idKey(asked)) return;
      this.#answered = true;
    }
    const body = frame.kind === 'response' ? inbound.answer(message) : inbound.aside(frame);
    if (body === null) return;
    const same = body === message && id === null;
    await this.#sink.event(same ? wire : formatEvent(body), null);
  }

  endEvents(): void {
    if (this.resumesAfter === null) this.#sink.endEvents();
  }

  abort(): void {
    if (this.resumesAfter === null) this.#sink.abort();
  }

  #statusFor(status: number): number {
    return status === 404 && this.#options.inSession === true ? 502 : status;
  }
}
