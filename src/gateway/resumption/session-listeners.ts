import type { ReplyHead, ReplySink } from '#pipeline';

/** Streams of one session that have ended and are held open; one more ends the oldest. */
const MAX_HELD = 4;

/**
 * The streams on which clients hear of their sessions. Servers speak on one of them alone, and mostly end
 * the one before; official clients then open it again, which ends the other, without end. So a stream that
 * ends stays open, silent, while a later one of its session is there, and ends with it: a client may have
 * several (2025-11-25, Streamable HTTP, "Multiple Connections").
 */
export class SessionListeners {
  /** By session token, in the order in which they came. */
  readonly #open = new Map<string, ListenerSink[]>();

  /** The way back of a stream; `signal` is aborted when its client has gone, or it is to end. */
  enter(token: string, sink: ReplySink, signal: AbortSignal): ReplySink {
    const all = this.#open.get(token) ?? [];
    this.#open.set(token, all);
    const listener = new ListenerSink(sink, {
      isLast: () => all.at(-1) === listener,
      onHeld: () =>
        all
          .filter(({ isHeld }) => isHeld)
          .at(-MAX_HELD - 1)
          ?.finish(),
      onOver: () => {
        all.splice(all.indexOf(listener), 1);
        if (all.length === 0) this.#open.delete(token);
        const last = all.at(-1);
        if (last?.isHeld === true) last.finish();
      },
    });
    all.push(listener);
    const onAbort = (): void => listener.left();
    signal.addEventListener('abort', onAbort, { once: true });
    return listener;
  }
}

interface ListenerHandlers {
  /** Whether no other stream of the session came later. */
  readonly isLast: () => boolean;
  readonly onHeld: () => void;
  readonly onOver: () => void;
}

class ListenerSink implements ReplySink {
  readonly #inner: ReplySink;
  readonly #handlers: ListenerHandlers;
  isHeld = false;
  #over = false;

  constructor(inner: ReplySink, handlers: ListenerHandlers) {
    this.#inner = inner;
    this.#handlers = handlers;
  }

  get started(): boolean {
    return this.#inner.started;
  }

  json(status: number, head: ReplyHead, body: Buffer): void {
    this.#inner.json(status, head, body);
    this.#end();
  }

  empty(status: number, head: ReplyHead): void {
    this.#inner.empty(status, head);
    this.#end();
  }

  openEvents(head: ReplyHead): void {
    this.#inner.openEvents(head);
  }

  event(wire: Buffer, id?: string | null): Promise<void> {
    return id === undefined ? this.#inner.event(wire) : this.#inner.event(wire, id);
  }

  endEvents(): void {
    if (this.#over || this.#handlers.isLast()) {
      this.finish();
      return;
    }
    this.isHeld = true;
    this.#handlers.onHeld();
  }

  abort(): void {
    this.#inner.abort();
    this.#end();
  }

  /** Ends it for the client. */
  finish(): void {
    this.#inner.endEvents();
    this.#end();
  }

  /** The client has gone, or the gateway stops. */
  left(): void {
    if (this.isHeld) this.finish();
    else this.#end();
  }

  #end(): void {
    if (this.#over) return;
    this.#over = true;
    this.isHeld = false;
    this.#handlers.onOver();
  }
}
