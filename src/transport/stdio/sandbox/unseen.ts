import { closeSync, existsSync, openSync, readSync } from 'node:fs';
import { isAbsolute, resolve } from 'node:path';
import type { Mount } from './view.ts';
import { isShown } from './view.ts';

/** Linux reads no more of a script's first line (execve(2)). */
const FIRST_LINE_BYTES = 256;

/** A program, as it is started. */
interface Started {
  readonly args: readonly string[];
  readonly cwd: string;
  /** The file that a name on the PATH stands for. */
  readonly find: (name: string) => string | null;
  /** Its own file. */
  readonly command: string | null;
}

/**
 * The files and directories that a program's arguments, or the first line of its script, name, and that
 * it does not find in its sandbox.
 */
export function unseenBy(
  { args, cwd, find, command }: Started,
  mounts: readonly Mount[],
): readonly string[] {
  const interpreter = command === null ? [] : interpreterOf(command, find);
  const named = args
    .flatMap((arg) => [arg, arg.slice(arg.indexOf('=') + 1)])
    .filter((word) => isAbsolute(word) || /^\.\.?\//.test(word))
    .map((word) => resolve(cwd, word));
  const paths = new Set([...interpreter, ...named]);
  return [...paths].filter((path) => existsSync(path) && !isShown(path, mounts));
}

/** What runs a script: `#!/usr/bin/python3`, or `#!/usr/bin/env node`, which looks for it on the PATH. */
function interpreterOf(command: string, find: Started['find']): readonly string[] {
  const [, path, name] = /^#! *(\S+)(?: +(?:-S +)?(\S+))?/.exec(firstLineOf(command)) ?? [];
  if (path === undefined) return [];
  if (!path.endsWith('/env') || name === undefined) return [path];
  const found = find(name);
  return found === null ? [] : [found];
}

function firstLineOf(file: string): string {
  try {
    const descriptor = openSync(file, 'r');
    try {
      const bytes = Buffer.alloc(FIRST_LINE_BYTES);
      const length = readSync(descriptor, bytes);
      return bytes.toString('latin1', 0, length).split('\n', 1)[0] ?? '';
    } finally {
      closeSync(descriptor);
    }
  } catch {
    return '';
  }
}
