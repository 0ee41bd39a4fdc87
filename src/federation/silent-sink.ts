import type { ReplySink } from '#pipeline';

/** Takes a reply that nobody reads. */
export function silentSink(): ReplySink {
  return {
    started: false,
    json: () => undefined,
    empty: () => undefined,
    openEvents: () => undefined,
    event: () => Promise.resolve(),
    endEvents: () => undefined,
    abort: () => undefined,
  };
}
