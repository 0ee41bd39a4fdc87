import type { FSWatcher } from 'node:fs';
import { watch } from 'node:fs';
import { dirname } from 'node:path';

/** Programs write files in several steps; this is when they are surely done. */
const SETTLE_MS = 150;
/** What no watcher notices, such as a change behind a symbolic link, is noticed after this. */
const POLL_MS = 5000;

/** Options of {@link watchFiles}. */
export interface FileWatchOptions {
  /** Has a look at the files and compares: they may be as they were. Must not throw. */
  readonly look: () => void;
  /** The system cannot tell of changes; they are still noticed after a few seconds. */
  readonly onUnwatched?: (error: unknown) => void;
}

/**
 * Asks for a look at files soon after they may have changed, and every few seconds in any case.
 *
 * The directories are watched rather than the files: editors and config maps replace a file instead
 * of writing into it.
 *
 * @returns what ends the watch.
 */
export function watchFiles(files: readonly string[], options: FileWatchOptions): () => void {
  const { look, onUnwatched } = options;
  let settling: NodeJS.Timeout | undefined;
  const changed = (): void => {
    clearTimeout(settling);
    settling = setTimeout(look, SETTLE_MS).unref();
  };
  const watchers: FSWatcher[] = [];
  for (const directory of new Set(files.map((file) => dirname(file)))) {
    try {
      const watcher = watch(directory, { persistent: false }, changed);
      watcher.on('error', (error) => onUnwatched?.(error));
      watchers.push(watcher);
    } catch (thrown) {
      onUnwatched?.(thrown);
    }
  }
  const poll = setInterval(look, POLL_MS).unref();
  return () => {
    clearTimeout(settling);
    clearInterval(poll);
    for (const watcher of watchers) watcher.close();
  };
}
