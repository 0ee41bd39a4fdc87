import { MethodNotInRevision } from './errors.ts';
import type { Frame } from './frame.ts';
import type { Revision } from './revisions.ts';

/** Requests that only the stateful revisions have (2026-07-28, "Key Changes"; tasks: SEP-2663). */
const STATEFUL_REQUESTS: ReadonlySet<string> = new Set([
  'initialize',
  'ping',
  'logging/setLevel',
  'resources/subscribe',
  'resources/unsubscribe',
  'tasks/list',
  'tasks/result',
]);

/**
 * Makes sure that a request exists in its revision, before its parameters are looked at.
 *
 * @throws MethodNotInRevision for one of another era (2026-07-28, Streamable HTTP, "Protocol Version
 * Header").
 */
export function checkMethod(revision: Revision, frame: Frame): void {
  if (revision.era === 'stateful' || frame.kind !== 'request') return;
  if (!STATEFUL_REQUESTS.has(frame.method)) return;
  throw new MethodNotInRevision(`${revision.name} has no ${frame.method}`);
}
