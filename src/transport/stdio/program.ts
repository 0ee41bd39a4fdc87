import { accessSync, constants, statSync } from 'node:fs';
import { delimiter, isAbsolute, resolve, sep } from 'node:path';
import type { EventSink, Limits } from '#lib';
import type { Credentials } from '../credentials/credentials.ts';
import type { Confinement } from './confinement.ts';
import { confined, UNCONFINED, wrappersOf } from './confinement.ts';
import type { Guardian } from './guardian.ts';
import { rehearse } from './sandbox/rehearse.ts';
import { seccompFilter } from './sandbox/seccomp.ts';
import type { Mount, View } from './sandbox/view.ts';
import { viewOf } from './sandbox/view.ts';

/** What {@link createStdioUpstream} is told about one server. */
export interface StdioOptions {
  readonly name: string;
  /** Program to start, a path or a name on PATH; never run through a shell. */
  readonly command: string;
  readonly args: readonly string[];
  /** Variables set for the program. */
  readonly env: Readonly<Record<string, string>>;
  /** More of them, whose values change; asked whenever the program is started. */
  readonly credentials?: Pick<Credentials, 'current'>;
  /** Names of variables of the gateway that the program gets too. */
  readonly passEnv: readonly string[];
  /** Working directory, `null` for the gateway's own, or in the strict sandbox its own /tmp. */
  readonly cwd: string | null;
  /** Whom one process serves: a session (the default), a principal, or everybody. */
  readonly instances?: 'session' | 'principal' | 'shared';
  /** What it may do; without one, whatever the gateway may. */
  readonly confinement?: Confinement;
  readonly limits: Limits;
  readonly events: EventSink;
  /** Shared by the upstreams of one gateway; without it the upstream has one of its own. */
  readonly guardian?: Guardian;
}

/** A program that speaks MCP on its standard streams, ready to be started any number of times. */
export interface Program {
  readonly name: string;
  readonly command: string;
  readonly args: readonly string[];
  /** The environment of the program, except for its credentials. */
  readonly environment: Readonly<Record<string, string>>;
  /** The rest of it, as of now. Throws UpstreamCredentialUnavailable. */
  readonly credentials: () => Readonly<Record<string, string>>;
  readonly cwd: string;
  readonly confinement: Confinement;
  readonly limits: Limits;
  readonly events: EventSink;
  readonly guardian: Guardian;
}

/** What every server program gets of the gateway's environment; the list of the official SDK. */
const INHERITED =
  process.platform === 'win32'
    ? [
        'APPDATA',
        'HOMEDRIVE',
        'HOMEPATH',
        'LOCALAPPDATA',
        'PATH',
        'PROCESSOR_ARCHITECTURE',
        'PROGRAMFILES',
        'SYSTEMDRIVE',
        'SYSTEMROOT',
        'TEMP',
        'USERNAME',
        'USERPROFILE',
      ]
    : ['HOME', 'LOGNAME', 'PATH', 'SHELL', 'TERM', 'USER'];

/** The program that the options describe. */
export function programOf(options: StdioOptions, guardian: Guardian): Program {
  const { name, command, args, limits, events } = options;
  return {
    name,
    command,
    args,
    environment: { ...inherit([...INHERITED, ...options.passEnv]), ...options.env },
    credentials: () => options.credentials?.current() ?? {},
    ...placeOf(options),
    limits,
    events,
    guardian,
  };
}

/** What the program sees of the file system: without the strict sandbox as much as the gateway. */
export function viewFor(program: Program): View {
  const { confinement, environment } = program;
  if (confinement.sandbox !== 'strict') return { ok: true, mounts: [] };
  const command = findProgram(program, program.command);
  return viewOf({ paths: confinement, command, home: environment['HOME'] });
}

/**
 * The command line that starts a program, or, with another one, that one in the program's place.
 *
 * @param mounts what it sees in the strict sandbox.
 */
export function commandLineOf(
  program: Program,
  mounts: readonly Mount[],
  { command, args }: Pick<Program, 'command' | 'args'> = program,
): { readonly command: string; readonly args: readonly string[] } {
  const { confinement, cwd } = program;
  const fileOf = (wrapper: string): string => findWrapper(wrapper) ?? wrapper;
  return confined({ command, args }, confinement, { cwd, mounts, fileOf });
}

/** The file of a wrapper, on the gateway's own PATH: another may have what the program has written. */
function findWrapper(name: string): string | null {
  const folders = (process.env['PATH'] ?? '').split(delimiter).filter(isAbsolute);
  return folders.map((folder) => resolve(folder, name)).find(isExecutable) ?? null;
}

/** The file that a program's name, or a path, stands for; `null` when nothing there can be executed. */
export function findProgram(program: Program, name: string): string | null {
  return candidates(program, name).find(isExecutable) ?? null;
}

/** Why the program cannot be started as things are, or `null` when it should be possible. */
export async function whyNotStartable(program: Program): Promise<string | null> {
  if (!isDirectory(program.cwd)) return `the directory ${program.cwd} does not exist`;
  const confinementProblem = whyNotConfinable(program);
  if (confinementProblem !== null) return confinementProblem;
  const view = viewFor(program);
  if (!view.ok) return view.problem;
  if (findProgram(program, program.command) !== null) return whyNotConfined(program, view);
  return program.command.includes('/')
    ? `${program.command} is not an executable file`
    : `"${program.command}" is not on the PATH`;
}

/** Why the program cannot be kept within its bounds here, `null` when it can. */
export function whyNotConfinable({ confinement }: Program): string | null {
  if (confinement.runAs !== null && process.getuid?.() !== 0) {
    return 'run_as needs a gateway that runs as root';
  }
  if (confinement.sandbox === 'strict' && seccompFilter() === null) {
    return `the strict sandbox does not know the system calls of ${process.arch}`;
  }
  const wrappers = wrappersOf(confinement);
  if (wrappers.length > 0 && process.platform !== 'linux') {
    return 'sandbox and rlimits are enforced on Linux alone';
  }
  for (const wrapper of wrappers) {
    if (findWrapper(wrapper) === null)
      return `"${wrapper}", which its confinement takes, is not on the PATH`;
  }
  return null;
}

/** In the strict sandbox the working directory is seen if it is configured, and not as a side effect. */
function placeOf({
  cwd,
  confinement = UNCONFINED,
}: StdioOptions): Pick<Program, 'cwd' | 'confinement'> {
  if (confinement.sandbox !== 'strict') return { cwd: resolve(cwd ?? '.'), confinement };
  if (cwd === null || resolve(cwd) === '/') return { cwd: cwd ?? '/tmp', confinement };
  const readable = [...confinement.readable, resolve(cwd)];
  return { cwd: resolve(cwd), confinement: { ...confinement, readable } };
}

/** Whether the machine allows what the wrappers do, and the program's user sees what they need. */
async function whyNotConfined(program: Program, view: View): Promise<string | null> {
  const { confinement, environment: env } = program;
  if (!view.ok || confinement.sandbox === 'off') return null;
  const idle = { command: findWrapper('true') ?? 'true', args: [] };
  const nothing = commandLineOf(program, view.mounts, idle);
  const failure = await rehearse(nothing, { cwd: program.cwd, env, confinement });
  return failure === null ? null : `its sandbox cannot be made: ${failure}`;
}

function inherit(names: readonly string[]): Record<string, string> {
  const environment: Record<string, string> = {};
  for (const name of names) {
    const value = process.env[name];
    // An exported shell function is code (CVE-2014-6271).
    if (value !== undefined && !value.startsWith('()')) environment[name] = value;
  }
  return environment;
}

function candidates({ cwd, environment }: Program, command: string): readonly string[] {
  if (isAbsolute(command) || command.includes('/') || command.includes(sep)) {
    return [resolve(cwd, command)];
  }
  const extensions = process.platform === 'win32' ? ['', '.exe', '.com'] : [''];
  return (environment['PATH'] ?? '')
    .split(delimiter)
    .flatMap((folder) => extensions.map((extension) => resolve(cwd, folder, command + extension)));
}

function isExecutable(path: string): boolean {
  try {
    accessSync(path, constants.X_OK);
    return statSync(path).isFile();
  } catch {
    return false;
  }
}

function isDirectory(path: string): boolean {
  return statSync(path, { throwIfNoEntry: false })?.isDirectory() === true;
}
