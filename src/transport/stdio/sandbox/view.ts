import { readdirSync, readlinkSync } from 'node:fs';
import { dirname, join, resolve } from 'node:path';
import type { Way } from './follow.ts';
import { follow, isWithin, realOf } from './follow.ts';
import { systemPaths } from './system.ts';

/** bwrap takes 9,000 words, and looks at all mounts again for each one. */
const MAX_MOUNTS = 1000;

/** What a program in the strict sandbox finds at a path; it finds nothing else. */
export interface Mount {
  readonly path: string;
  /** `empty`: a directory in memory, to be written; `folder`: one that only holds other mounts. */
  readonly kind: 'read' | 'write' | 'empty' | 'folder' | { readonly linkTo: string };
}

/** What a program sees of the file system, or why it cannot be shown what it is to see. */
export type View =
  | { readonly ok: true; readonly mounts: readonly Mount[] }
  | { readonly ok: false; readonly problem: string };

/** What is configured about the file system of a program in the strict sandbox. */
export interface SandboxPaths {
  /** Files and directories that it may read, beyond those of the system. */
  readonly readable: readonly string[];
  /** Directories that it may write. */
  readonly writable: readonly string[];
  /** Files and directories that it never sees, whatever is readable. */
  readonly hidden: readonly string[];
  /** Files that it may not be able to write, whatever is writable. */
  readonly guarded: readonly string[];
  /** Directories that other programs in their strict sandboxes may write. */
  readonly writableByOthers: readonly string[];
}

/** What a view is made from. */
interface Wanted {
  readonly paths: SandboxPaths;
  /** The program's own file; `null` when it was not found. */
  readonly command: string | null;
  /** Its home directory; it gets an empty one. */
  readonly home: string | undefined;
}

interface Place extends Way {
  /** As it was written. */
  readonly path: string;
}

/**
 * What a program in the strict sandbox sees: the system's programs and libraries, its own file, and
 * what is configured. It is looked up at each start, since files come and go.
 */
export function viewOf({ paths, command, home }: Wanted): View {
  const asked = [...paths.writable, ...paths.readable];
  const missing = asked.find((path) => follow(path) === null);
  if (missing !== undefined) return problem(`${missing}, which it is to see, does not exist`);
  const writes = withoutNested(paths.writable.flatMap(placeOf));
  const own = [...paths.readable, ...(command === null ? [] : [command])];
  const reads = own.flatMap(placeOf).filter((place) => !isChosenIn(place, writes.map(realPath)));
  const refused = whyRefused(paths, writes, reads);
  if (refused !== null) return problem(refused);
  const shown = [...systemPaths().flatMap(placeOf), ...reads];
  const hidden = paths.hidden.flatMap(bothEnds);
  const contents = [
    ...outermost(shown.map(realPath), writes.map(realPath)).flatMap((path) => split(path, hidden)),
    ...writes.map(({ real }): Mount => ({ path: real, kind: 'write' })),
  ];
  const mounts = [...contents, ...linksTo([...shown, ...writes], contents)];
  const all = [...mounts, ...emptyOnes(home, mounts)];
  if (all.length <= MAX_MOUNTS) return { ok: true, mounts: all };
  return problem('what it may read has too many entries beside what must stay hidden');
}

/** Whether a program with this view finds something at a path. */
export function isShown(path: string, mounts: readonly Mount[]): boolean {
  const real = realOf(path);
  return mounts.some(
    (mount) => (mount.kind === 'read' || mount.kind === 'write') && isWithin(real, mount.path),
  );
}

/** Of a file that changes by a new link, both the link and what it leads to. */
function bothEnds(path: string): readonly string[] {
  return [realOf(path), join(realOf(dirname(path)), path.slice(dirname(path).length))];
}

function problem(text: string): View {
  return { ok: false, problem: text };
}

function placeOf(path: string): readonly Place[] {
  const way = follow(path);
  return way === null ? [] : [{ ...way, path: resolve(path) }];
}

function realPath({ real }: Place): string {
  return real;
}

/** Whether whoever can write these directories decides where the place is, by a link. */
function isChosenIn({ through }: Place, directories: readonly string[]): boolean {
  return through.some((at) => directories.some((directory) => isWithin(at, directory)));
}

/** What lies in another of them is writable with it, and must not be looked up by its name. */
function withoutNested(places: readonly Place[]): readonly Place[] {
  return places.filter((place) => {
    const others = places.filter(({ real }) => real !== place.real);
    return !isChosenIn(place, others.map(realPath));
  });
}

function whyRefused(
  { hidden, guarded, writableByOthers }: SandboxPaths,
  writes: readonly Place[],
  reads: readonly Place[],
): string | null {
  const untouchable = [...hidden, ...guarded].flatMap(bothEnds);
  for (const { path, real } of writes) {
    const kept = untouchable.find((at) => isWithin(at, real) || isWithin(real, at));
    if (kept !== undefined) return `${path} cannot be writable, since it must not change ${kept}`;
  }
  const secret = hidden.flatMap(bothEnds);
  for (const { path, real } of reads) {
    if (secret.some((at) => isWithin(real, at))) return `${path} is hidden from it, and stays so`;
  }
  const foreign = writableByOthers.map(realOf);
  for (const place of [...writes, ...reads]) {
    if (undoesSandbox(place.real)) return `${place.path} as a whole would undo its sandbox`;
    // It could put a link there to whatever it likes.
    if (isChosenIn(place, foreign)) return `${place.path} is in what another server may write`;
  }
  return null;
}

/** /proc of the machine shows other processes, with their memory and their files. */
function undoesSandbox(real: string): boolean {
  return real === '/' || isWithin(real, '/dev') || isWithin(real, '/proc');
}

function outermost(paths: readonly string[], writable: readonly string[]): readonly string[] {
  const distinct = [...new Set(paths)].filter((path) => !writable.includes(path));
  return distinct.filter(
    (path) => !distinct.some((other) => other !== path && isWithin(path, other)),
  );
}

/**
 * A directory that holds what must be hidden is shown entry by entry, as it is now: what is put in
 * place of a hidden file later, or beside it, is not there for the program.
 */
function split(path: string, hidden: readonly string[]): readonly Mount[] {
  if (hidden.some((secret) => isWithin(path, secret))) return [];
  if (!hidden.some((secret) => isWithin(secret, path))) return [{ path, kind: 'read' }];
  const entries = readdirSync(path, { withFileTypes: true }).slice(0, MAX_MOUNTS + 1);
  const within = entries.flatMap((entry): readonly Mount[] => {
    const at = join(path, entry.name);
    if (!entry.isSymbolicLink() || hidden.includes(at)) return split(at, hidden);
    return [{ path: at, kind: { linkTo: readlinkSync(at) } }];
  });
  return [{ path, kind: 'folder' }, ...within];
}

/** Makes what was written as a path with links in it be found by that path. */
function linksTo(places: readonly Place[], contents: readonly Mount[]): readonly Mount[] {
  const links = new Map<string, Mount>();
  for (const { path, real } of places) {
    // Beneath something that is shown, the link itself is shown too.
    const found = [...contents, ...links.values()].some((mount) => isWithin(path, mount.path));
    if (!found) links.set(path, { path, kind: { linkTo: real } });
  }
  return [...links.values()];
}

/** A /tmp and a home of its own, unless it is shown those. */
function emptyOnes(home: string | undefined, mounts: readonly Mount[]): readonly Mount[] {
  const wanted = new Set(['/tmp', ...(home?.startsWith('/') === true ? [resolve(home)] : [])]);
  return [...wanted]
    .filter((path) => !undoesSandbox(path))
    .filter((path) => !mounts.some((mount) => isWithin(path, mount.path)))
    .map((path) => ({ path, kind: 'empty' }));
}
