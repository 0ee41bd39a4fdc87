import type { Child } from '../children.ts';
import type { Target, Watched } from '../load/plan.ts';
import { isStdioServer, peakRssOf, treeOf } from '../processes.ts';

/** What a case measures, with everything behind it, up and ready for calls. */
export interface Subject {
  readonly target: Target;
  readonly watch: readonly Watched[];
  /** How many cores it may use. */
  readonly cores: number;
  /** Words before a command that make it reach the target, such as `nsenter …`. */
  readonly within: readonly string[];
  /** Bytes: of the subject with its own helpers, and of the stdio server behind it. */
  peakRss(): { readonly subject: number; readonly server: number };
  stop(): Promise<void>;
}

/** A subject from its process and the one behind it. */
export function subjectOf(parts: {
  readonly target: Target;
  readonly child: Child;
  readonly upstream?: Child | null;
  readonly within?: readonly string[];
  /** One, unless said otherwise. */
  readonly cores?: number;
  /** Ended with the rest, after it. */
  readonly host?: Child | null;
}): Subject {
  const { child, upstream = null, host = null } = parts;
  const watch: Watched[] = [{ role: 'subject', pid: child.pid }];
  if (upstream !== null) watch.push({ role: 'upstream', pid: upstream.pid });
  return {
    target: parts.target,
    watch,
    cores: parts.cores ?? 1,
    within: parts.within ?? [],
    peakRss: () => peakRss(child.pid),
    stop: async () => {
      await child.stop();
      await upstream?.stop();
      await host?.stop();
    },
  };
}

function peakRss(root: number): { subject: number; server: number } {
  const bytes = { subject: 0, server: 0 };
  for (const pid of treeOf(root)) {
    bytes[isStdioServer(pid) ? 'server' : 'subject'] += peakRssOf(pid);
  }
  return bytes;
}
