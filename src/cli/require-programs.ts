import type { Settings } from '#config';
import { ProgramUnavailable } from './errors.ts';
import { probeServers } from './probe-servers.ts';

/**
 * Makes sure that a program given on the command line is there to be started: with a configuration it may
 * come later, here its name is mistyped.
 *
 * @throws ProgramUnavailable
 */
export async function requirePrograms(settings: Settings): Promise<void> {
  for (const { kind, reachable, detail } of await probeServers(settings, { inspect: false })) {
    if (kind === 'stdio' && !reachable) throw new ProgramUnavailable(detail);
  }
}
