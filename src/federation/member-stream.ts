import { setTimeout as delay } from 'node:timers/promises';
import type { Limits } from '#lib';
import type { Call, ReplySink } from '#pipeline';
import { runCall } from '#pipeline';
import type { Frame } from '#mcp';
import { readEvent, readMessage } from '#transport';
import type { Visit } from './visit.ts';

/** Pauses before a member's stream that ended is opened again, in milliseconds. */
const FIRST_PAUSE_MS = 1000;
const LONGEST_PAUSE_MS = 30_000;

/** Method not found, nothing of that name, denied: asking once more would not help. */
const FINAL_CODES: ReadonlySet<number> = new Set([-32601, -32602, -32003]);

/** How servers refuse a second stream of a session, as long as they do not see that the first is gone. */
const CONFLICT = 409;

/** How far a stream has been heard. */
export interface Place {
  lastEventId: string | null;
}

/** What is done with one member's messages. */
export interface StreamReader {
  /** Where the stream begins, and how far it comes. */
  readonly place: Place;
  /** The call that opens the stream, or opens it again after this event. */
  callAfter(visit: Visit, lastEventId: string | null, signal: AbortSignal): Promise<Call>;
  /** Takes a message; resolves when there is room for more. */
  onMessage(frame: Frame): Promise<void>;
  /** The stream could not be opened, or has ended; it may be opened again. */
  onEnd(): void;
}

/**
 * Keeps a stream of one member open until the signal ends it or the member refuses it. Never throws.
 *
 * @param visitNow on whose behalf, whenever the stream is opened.
 */
export async function keepOpen(
  visitNow: () => Visit,
  reader: StreamReader,
  ended: AbortSignal,
): Promise<void> {
  const { place } = reader;
  let pauseMs = FIRST_PAUSE_MS;
  while (!ended.aborted) {
    // Policy may be another one since the stream was opened for the first time.
    const visit = visitNow();
    const now = { ...visit, services: visit.current() };
    const sink = new StreamSink(reader, now.services.limits);
    try {
      const call = await reader.callAfter(now, place.lastEventId, ended);
      await visit.lasting(call, async (permitted) => {
        const signal = AbortSignal.any([permitted, ended]);
        await runCall({ ...call, signal }, now.services, sink);
      });
    } catch {
      // A member that has no session to stream from now may have one later.
    }
    reader.onEnd();
    if (sink.refused) return;
    pauseMs = sink.opened ? FIRST_PAUSE_MS : Math.min(pauseMs * 2, LONGEST_PAUSE_MS);
    await delay(pauseMs, undefined, { signal: ended, ref: false }).catch(() => undefined);
  }
}

class StreamSink implements ReplySink {
  readonly #reader: StreamReader;
  readonly #limits: Limits;
  opened = false;
  refused = false;

  constructor(reader: StreamReader, limits: Limits) {
    this.#reader = reader;
    this.#limits = limits;
  }

  get started(): boolean {
    return this.opened;
  }

  /** An error, or an answer instead of a stream; only what the network did may be tried again. */
  json(status: number, _head: unknown, body: Buffer): void {
    this.refused = status >= 400 && status < 500 && status !== CONFLICT;
    const frame = readMessage(body, this.#limits);
    if (frame.kind === 'response' && 'error' in frame.outcome) {
      this.refused ||= FINAL_CODES.has(frame.outcome.error.code);
    }
  }

  empty(): void {
    this.refused = true;
  }

  openEvents(): void {
    this.opened = true;
  }

  async event(wire: Buffer): Promise<void> {
    const { message, id } = readEvent(wire, false);
    this.#reader.place.lastEventId = id ?? this.#reader.place.lastEventId;
    if (message !== null) await this.#reader.onMessage(readMessage(message, this.#limits));
  }

  endEvents(): void {}

  abort(): void {}
}
