import type { Limits } from '#lib';
import type { Frame } from '#mcp';
import { readMessage, SseParser } from '#transport';

/** One event as the pipeline writes it, read again. */
export interface ReadEvent {
  readonly frame: Frame | null;
  readonly id: string | null;
}

/** The message in one whole event. */
export function readEvent(wire: Buffer, limits: Limits): ReadEvent {
  const events: { message: Buffer | null; id: string | null }[] = [];
  const parser = new SseParser(Number.POSITIVE_INFINITY);
  parser.push(wire, events as never);
  parser.end(events as never);
  const [event] = events;
  if (event?.message == null) return { frame: null, id: event?.id ?? null };
  return { frame: readMessage(event.message, limits), id: event.id };
}
