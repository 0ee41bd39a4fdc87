import type { SseEvent } from '../sse-event.ts';
import { formatEvent } from '../sse.ts';
import type { StreamEvent } from '../upstream.ts';

const NO_DATA = Buffer.alloc(0);

/**
 * The event as it may go on to a client, or `null` when it may not.
 *
 * What is inspected must be what every client reads. Events of other types than `message` are none
 * of MCP's, yet some clients read any data; an event that parsers read differently is written anew.
 */
export function passableEvent(event: SseEvent): StreamEvent | null {
  if (event.type !== 'message') return null;
  if (event.plain) return event;
  const { message, id, retryMs } = event;
  if (message === null && id === null) return null;
  const wire = formatEvent(message ?? NO_DATA, id);
  return retryMs === undefined ? { wire, message, id } : { wire, message, id, retryMs };
}
