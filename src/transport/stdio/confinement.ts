/** What a server program may do, as far as the operating system can enforce it. */
import { SECCOMP_DESCRIPTOR } from './sandbox/seccomp.ts';
import type { Mount, SandboxPaths } from './sandbox/view.ts';

/** Bounds that the kernel keeps for each process (setrlimit(2)); `null` leaves the gateway's own. */
export interface ResourceLimits {
  /** Address space. */
  readonly memoryBytes: number | null;
  readonly openFiles: number | null;
  /** Of the user as whom the program runs, whoever started them. */
  readonly processes: number | null;
  readonly cpuSeconds: number | null;
  /** Largest file that it writes. */
  readonly fileBytes: number | null;
}

/** How a program is kept from what it does not need. */
export interface Confinement extends SandboxPaths {
  readonly rlimits: ResourceLimits;
  /** The user and group as whom it runs, without further groups; only root can choose. */
  readonly runAs: { readonly uid: number; readonly gid: number } | null;
  /**
   * `no_network`: a network namespace without any interface (`unshare`). `strict`: besides, only that
   * part of the file system that it needs, and users, processes and IPC of its own (`bwrap`).
   */
  readonly sandbox: 'off' | 'no_network' | 'strict';
}

/** A program that may do what the gateway may. */
export const UNCONFINED: Confinement = {
  rlimits: {
    memoryBytes: null,
    openFiles: null,
    processes: null,
    cpuSeconds: null,
    fileBytes: null,
  },
  runAs: null,
  sandbox: 'off',
  readable: [],
  writable: [],
  hidden: [],
  guarded: [],
  writableByOthers: [],
};

/** A command line, without a shell. */
interface CommandLine {
  readonly command: string;
  readonly args: readonly string[];
}

/** Where a program is confined. */
interface Surroundings {
  readonly cwd: string;
  /** What it sees in the strict sandbox. */
  readonly mounts: readonly Mount[];
  /** The file of a wrapper: its name would be looked up on the program's PATH. */
  readonly fileOf: (wrapper: string) => string;
}

/** The command line that starts a program within its confinement; each wrapper becomes the next. */
export function confined(
  { command, args }: CommandLine,
  confinement: Confinement,
  { cwd, mounts, fileOf }: Surroundings,
): CommandLine {
  const wrapped = (words: readonly string[]): readonly string[] =>
    words.map((word, index) => (index === 0 ? fileOf(word) : word));
  const [program, ...rest] = [
    ...wrapped(sandboxWords(confinement, cwd, mounts)),
    ...wrapped(limitWords(confinement.rlimits)),
    command,
    ...args,
  ];
  return { command: program ?? command, args: rest };
}

/** The programs besides the server's own that starting it takes. */
export function wrappersOf({ sandbox, rlimits }: Confinement): readonly string[] {
  const wrappers: string[] = [];
  if (sandbox !== 'off') wrappers.push(sandbox === 'strict' ? 'bwrap' : 'unshare');
  if (limitWords(rlimits).length > 0) wrappers.push('prlimit');
  return wrappers;
}

function sandboxWords(
  { sandbox }: Confinement,
  cwd: string,
  mounts: readonly Mount[],
): readonly string[] {
  switch (sandbox) {
    case 'off':
      return [];
    case 'no_network':
      return ['unshare', '--user', '--map-current-user', '--net', '--'];
    case 'strict':
      return [...STRICT, ...fileSystem(mounts), '--chdir', cwd, '--'];
  }
}

/**
 * Root would keep its capabilities, and could take the mounts away. In a user namespace of its own it is
 * not the owner of what the kernel lets root do without any, such as another user's keyrings.
 */
const STRICT = [
  'bwrap',
  '--die-with-parent',
  '--cap-drop',
  'ALL',
  '--unshare-user',
  '--unshare-net',
  '--unshare-pid',
  '--unshare-ipc',
  '--unshare-uts',
  '--unshare-cgroup-try',
  '--seccomp',
  `${SECCOMP_DESCRIPTOR}`,
];

/** Directories before what is in them, so that the deeper mount is the one that counts. */
function fileSystem(mounts: readonly Mount[]): readonly string[] {
  const all = [
    { path: '/dev', words: ['--dev', '/dev'] },
    { path: '/proc', words: ['--proc', '/proc'] },
    ...mounts.map((mount) => ({ path: mount.path, words: mountWords(mount) })),
  ];
  const sorted = all.toSorted((a, b) => Number(a.path > b.path) - Number(a.path < b.path));
  const folders = mounts.filter(({ kind }) => kind === 'folder').map(({ path }) => path);
  // The kernel's settings in /proc/sys are files of root, who needs no capability to write them.
  const sealed = [...folders, '/proc', '/'].flatMap((path) => ['--remount-ro', path]);
  return [...sorted.flatMap(({ words }) => words), ...sealed];
}

function mountWords({ path, kind }: Mount): readonly string[] {
  switch (kind) {
    case 'read':
      return ['--ro-bind', path, path];
    case 'write':
      return ['--bind', path, path];
    case 'empty':
    case 'folder':
      return ['--tmpfs', path];
    default:
      return ['--symlink', kind.linkTo, path];
  }
}

function limitWords(rlimits: ResourceLimits): readonly string[] {
  const options = [
    ['--as', rlimits.memoryBytes],
    ['--nofile', rlimits.openFiles],
    ['--nproc', rlimits.processes],
    ['--cpu', rlimits.cpuSeconds],
    ['--fsize', rlimits.fileBytes],
  ] as const;
  const set = options.filter(([, value]) => value !== null);
  if (set.length === 0) return [];
  // Soft and hard alike, so that the program cannot raise them again.
  return ['prlimit', ...set.map(([name, value]) => `${name}=${value}:${value}`), '--'];
}
