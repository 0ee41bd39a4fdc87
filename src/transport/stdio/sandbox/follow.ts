import { lstatSync, readlinkSync } from 'node:fs';
import { dirname, join, resolve } from 'node:path';

/** As many symbolic links as Linux follows (path_resolution(7)). */
const MAX_LINKS = 40;

/** Where a path leads. */
export interface Way {
  /** Without symbolic links. */
  readonly real: string;
  /** The real directories in which a name was looked up: who can write one of them chose the way. */
  readonly through: readonly string[];
}

/** Follows an absolute path as the kernel does; `null` when nothing is there, or it cannot be seen. */
export function follow(path: string): Way | null {
  const through: string[] = [];
  const names = namesOf(resolve(path));
  let links = 0;
  let at = '/';
  try {
    for (let name = names.shift(); name !== undefined; name = names.shift()) {
      through.push(at);
      const next = join(at, name);
      // Most of what is missing is so on purpose, and an exception costs as much as ten of these calls.
      const found = lstatSync(next, { throwIfNoEntry: false });
      if (found === undefined) return null;
      if (!found.isSymbolicLink()) {
        at = next;
        continue;
      }
      links += 1;
      if (links > MAX_LINKS) return null;
      const target = readlinkSync(next);
      if (target.startsWith('/')) at = '/';
      names.unshift(...namesOf(target));
    }
  } catch {
    return null;
  }
  return { real: at, through };
}

/** Where a file is or would be: of a path that leads nowhere, as much as exists is followed. */
export function realOf(path: string): string {
  const parent = dirname(path);
  if (parent === path) return path;
  return follow(path)?.real ?? join(realOf(parent), path.slice(parent.length));
}

/** Whether a path is a directory or something beneath it; both without symbolic links and `..`. */
export function isWithin(path: string, directory: string): boolean {
  return (
    path === directory || path.startsWith(directory.endsWith('/') ? directory : `${directory}/`)
  );
}

function namesOf(path: string): string[] {
  return path.split('/').filter((name) => name !== '' && name !== '.');
}
