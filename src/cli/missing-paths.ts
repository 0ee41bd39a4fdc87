import { existsSync } from 'node:fs';
import type { EffectiveSetting, ServerSettings } from '#config';
import type { EventSink } from '#lib';
import { formatPath } from '#lib';
import { ConfigPathMissing } from './errors.ts';

/** What a program's settings name and what is not there, so that the program cannot be started. */
interface MissingPath {
  readonly server: string;
  /** The setting, as people write it. */
  readonly setting: string;
  readonly path: string;
}

/**
 * Refuses settings whose programs are to run in, or to see, what is not there.
 *
 * @param effective tells where each setting stands.
 * @throws ConfigPathMissing with all of them.
 */
export function refuseMissingPaths(
  servers: readonly ServerSettings[],
  effective: readonly EffectiveSetting[],
): void {
  const origins = new Map(effective.map(({ path, origin }) => [path, origin]));
  const problems = missingPaths(servers).map(
    (missing) => `${origins.get(missing.setting) ?? 'default'}: ${describe(missing)}`,
  );
  if (problems.length > 0)
    throw new ConfigPathMissing(problems.join('\n'), { details: { problems } });
}

/** Alerts of the same at the start, which it does not prevent: directories may be mounted later. */
export function tellMissingPaths(servers: readonly ServerSettings[], events: EventSink): void {
  for (const missing of missingPaths(servers)) {
    const message = `"${missing.server}" cannot be started: ${describe(missing)}`;
    events({ severity: 'alert', name: 'upstream.path_missing', message, fields: { ...missing } });
  }
}

function missingPaths(servers: readonly ServerSettings[]): readonly MissingPath[] {
  return servers.flatMap(({ name: server, transport }) => {
    if (transport.kind !== 'stdio') return [];
    const { cwd, confinement } = transport;
    const { readable, writable } = confinement;
    const named = { cwd: cwd === null ? [] : [cwd], readable, writable };
    return Object.entries(named).flatMap(([key, paths]) => {
      const setting = formatPath(['servers', server, 'stdio', key]);
      return paths.filter((path) => !existsSync(path)).map((path) => ({ server, setting, path }));
    });
  });
}

function describe({ setting, path }: MissingPath): string {
  return `${setting}: ${path} does not exist, or is hidden from this user`;
}
