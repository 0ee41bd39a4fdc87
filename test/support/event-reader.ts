/** Event streams by hand, one event at a time. */

/** One event, comments left out. */
export interface ReadEvent {
  readonly id: string | null;
  /** The JSON-RPC message, `null` for an event without data. */
  readonly message: Record<string, unknown> | null;
}

/** An open answer of events. */
export interface EventReader {
  readonly status: number;
  /** Comments so far. */
  readonly comments: number;
  /** The next event, `null` at the end of the stream. */
  next(): Promise<ReadEvent | null>;
  /** Everything up to the end. */
  rest(): Promise<readonly ReadEvent[]>;
  /** Hangs up. */
  cut(): Promise<void>;
}

/** Sends a message, or asks for the stream of a session when it is `null`. */
export async function readEvents(
  through: typeof fetch,
  url: string,
  message: object | null,
  headers: Record<string, string>,
): Promise<EventReader> {
  const hangUp = new AbortController();
  const accept = message === null ? '' : 'application/json, ';
  const response = await through(url, {
    method: message === null ? 'GET' : 'POST',
    headers: {
      accept: `${accept}text/event-stream`,
      'content-type': 'application/json',
      ...headers,
    },
    ...(message === null ? {} : { body: JSON.stringify(message) }),
    signal: hangUp.signal,
  });
  const chunks = response.body?.pipeThrough(new TextDecoderStream() as never).getReader();
  let text = '';
  let comments = 0;
  const next = async (): Promise<ReadEvent | null> => {
    for (;;) {
      const end = text.indexOf('\n\n');
      const event = text.slice(0, end);
      if (end !== -1) text = text.slice(end + 2);
      if (end !== -1 && !event.startsWith(':')) return eventOf(event);
      if (end !== -1) comments += 1;
      else {
        const chunk = await chunks?.read();
        if (chunk?.done !== false) return null;
        text += String(chunk.value);
      }
    }
  };
  return {
    status: response.status,
    get comments() {
      return comments;
    },
    next,
    rest: async () => {
      const events: ReadEvent[] = [];
      for (let event = await next(); event !== null; event = await next()) events.push(event);
      return events;
    },
    cut: async () => {
      hangUp.abort();
      await chunks?.closed.catch(() => undefined);
    },
  };
}

function eventOf(text: string): ReadEvent {
  const field = (name: string): string | null =>
    new RegExp(`^${name}: (.+)$`, 'm').exec(text)?.[1] ?? null;
  const data = field('data');
  return { id: field('id'), message: data === null ? null : JSON.parse(data) };
}
