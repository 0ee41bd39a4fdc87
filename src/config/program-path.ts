import { resolve } from 'node:path';

/**
 * A program as it can be started from anywhere: a bare name is for the PATH, anything with a slash is
 * a path, which starts at the directory of the configuration.
 */
export function programPath(program: string, directory: string): string {
  return /[/\\]/.test(program) ? resolve(directory, program) : program;
}
