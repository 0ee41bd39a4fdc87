import { defaultStateDir } from '#identity';
import { readConfigFile } from './settings.ts';

/** How a command is told which state directory is meant. */
export interface StateOptions {
  readonly state?: string;
  readonly config?: string;
}

/** The directory that was named, else that of the configuration, else the default one. */
export async function stateDirOf({ state, config }: StateOptions): Promise<string> {
  if (state !== undefined) return state;
  const configured = config === undefined ? null : (await readConfigFile(config)).settings.stateDir;
  return configured ?? defaultStateDir(process.env);
}
