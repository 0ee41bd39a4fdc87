import type { EventSink, PosternEvent } from '#lib';

const WINDOW_MS = 1000;
const MAX_PER_WINDOW = 20;
const MAX_KEYS = 512;

/** A sink that lets floods of equal events through in part. */
export interface RepeatLimiter {
  readonly sink: EventSink;
  /** Tells what was held back so far, and starts a new second. */
  readonly flush: () => void;
}

interface Repeats {
  readonly first: PosternEvent;
  count: number;
}

/**
 * Lets 20 events of one name and message through in a second. Further ones are counted, and told as
 * one event when the second is over. Debug events are not held back: who asks for them wants all.
 */
export function limitRepeats(next: EventSink): RepeatLimiter {
  let seen = new Map<string, Repeats>();
  let timer: NodeJS.Timeout | undefined;

  const flush = (): void => {
    clearTimeout(timer);
    timer = undefined;
    const past = seen;
    seen = new Map();
    for (const repeats of past.values()) {
      if (repeats.count > MAX_PER_WINDOW) next(summary(repeats));
    }
  };

  const sink: EventSink = (event) => {
    if (event.severity === 'debug') return next(event);
    timer ??= setTimeout(flush, WINDOW_MS).unref();
    const key = `${event.name} ${event.message}`;
    // Messages can be made up without end by who causes them; then the name alone counts.
    const bounded = seen.has(key) || seen.size < MAX_KEYS ? key : event.name;
    const repeats = seen.get(bounded) ?? { first: event, count: 0 };
    repeats.count += 1;
    seen.set(bounded, repeats);
    if (repeats.count <= MAX_PER_WINDOW) next(event);
  };
  return { sink, flush };
}

function summary({ first, count }: Repeats): PosternEvent {
  const suppressed = count - MAX_PER_WINDOW;
  return {
    severity: first.severity,
    name: first.name,
    message: `${first.message} (and ${suppressed} more within a second)`,
    fields: { suppressed },
  };
}
