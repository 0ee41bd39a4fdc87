/** What a server program may do, as far as the operating system can enforce it. */

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
export interface Confinement {
  readonly rlimits: ResourceLimits;
  /** The user and group as whom it runs, without further groups; only root can choose. */
  readonly runAs: { readonly uid: number; readonly gid: number } | null;
  /**
   * `no_network`: a network namespace without any interface (`unshare`). `strict`: besides, a file
   * system that can only be read, and processes and IPC of its own (`bwrap`).
   */
  readonly sandbox: 'off' | 'no_network' | 'strict';
  /** Directories that a program in the strict sandbox may write. */
  readonly writable: readonly string[];
  /** Directories that such a program finds empty. */
  readonly hidden: readonly string[];
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
  writable: [],
  hidden: [],
};

/** A command line, without a shell. */
interface CommandLine {
  readonly command: string;
  readonly args: readonly string[];
}

/** The command line that starts a program within its confinement; each wrapper becomes the next. */
export function confined(
  { command, args }: CommandLine,
  confinement: Confinement,
  cwd: string,
): CommandLine {
  const [program, ...rest] = [
    ...sandboxWords(confinement, cwd),
    ...limitWords(confinement.rlimits),
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

function sandboxWords(confinement: Confinement, cwd: string): readonly string[] {
  switch (confinement.sandbox) {
    case 'off':
      return [];
    case 'no_network':
      return ['unshare', '--user', '--map-current-user', '--net', '--'];
    case 'strict':
      return [...STRICT, ...mounts(confinement), '--chdir', cwd, '--'];
  }
}

/** Root would keep its capabilities, and could take away what hides and what cannot be written. */
const STRICT = [
  'bwrap',
  '--die-with-parent',
  '--cap-drop',
  'ALL',
  '--unshare-net',
  '--unshare-pid',
  '--unshare-ipc',
  '--unshare-uts',
  '--ro-bind',
  '/',
  '/',
  '--dev',
  '/dev',
  '--proc',
  '/proc',
  '--tmpfs',
  '/tmp',
];

/** Hidden ones last: nothing that is writable may show them. */
function mounts({ writable, hidden }: Confinement): readonly string[] {
  return [
    ...writable.flatMap((path) => ['--bind', path, path]),
    ...hidden.flatMap((path) => ['--tmpfs', path]),
  ];
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
