import type { ServerSettings } from '#config';
import { workerOf } from '#pipeline';
import type { HttpExchange } from '#transport';
import { isEstPath } from '../est.ts';
import { isSsePath, PATH } from '../routes.ts';
import { isMetadataPath } from '../tokens/resources.ts';

/** The thread that decides: it has what there is but once, such as programs and their sessions. */
export const MAIN = 0;

/**
 * The servers whose calls any worker can take to them: what is remembered of their sessions is with
 * the worker that saw them opened, and everything else with the server.
 */
export function sharedServers(servers: readonly ServerSettings[]): ReadonlySet<string> {
  const shared = servers.filter(({ transport }) => transport.kind === 'http');
  return new Set(shared.map(({ name }) => name));
}

/**
 * The number of the worker that is to answer a request.
 *
 * @param here the one that has it.
 */
export function whoAnswers(
  { target, headers }: Pick<HttpExchange, 'target' | 'headers'>,
  here: number,
  shared: ReadonlySet<string>,
): number {
  if (isMetadataPath(target)) return here;
  if (isEstPath(target) || isSsePath(target)) return MAIN;
  const match = PATH.exec(target.split('?', 1)[0] ?? '');
  if (match === null) return here;
  const [, kind, name = ''] = match;
  if (kind !== 'servers' || !shared.has(name)) return MAIN;
  const session = headers['mcp-session-id'];
  return session === undefined ? here : (workerOf(session) ?? here);
}
