import type { Services } from '#pipeline';
import { isStillPermitted, runCall, ServerUnknown } from '#pipeline';
import { PathUnknown } from '../errors.ts';
import type { Target as Wanted } from '../routes.ts';
import type { Target } from './exchanges.ts';

/**
 * One server as what a conversation is with.
 *
 * @param services gives the set in force; a call keeps the one that it began with.
 * @throws PathUnknown, ServerUnknown
 */
export function targetFor(wanted: Wanted, services: () => Services): Target {
  if (wanted.kind !== 'server') throw new PathUnknown('this path is no MCP endpoint');
  const { name } = wanted;
  if (!services().upstreams.has(name)) throw new ServerUnknown(`no server "${name}"`);
  return {
    server: name,
    via: null,
    run: (call, sink) => runCall(call, services(), sink),
    permits: (call) => {
      const { policy, trustDomain } = services();
      return isStillPermitted(call, policy, trustDomain);
    },
  };
}
