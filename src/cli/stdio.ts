import type { Settings } from '#config';
import type { Target } from '#gateway';
import type { PosternError } from '#lib';
import { nearest } from '#lib';
import type { Policy } from '#policy';
import { startPostern } from './compose.ts';
import { UsageError } from './errors.ts';
import { EXIT } from './exit-codes.ts';
import type { Operands } from './operands.ts';
import { requirePrograms } from './require-programs.ts';
import { overrideSettings, quickSettings, readConfigFile } from './settings.ts';
import { Signals } from './signals.ts';

/** Options of `postern stdio`. */
export interface StdioOptions {
  readonly config: string;
  readonly http?: string;
  readonly sse?: string;
  readonly set?: string;
  readonly name: string;
  readonly state?: string;
}

interface Plan {
  readonly target: Target;
  readonly settings: Settings;
  readonly fixedPolicy: Policy | null;
  /** Reads the settings again; `null` when no file has them. */
  readonly reread: (() => Promise<Settings>) | null;
}

/**
 * Serves one server, or many, to the program that has started this one, over stdin and stdout, until that
 * ends.
 *
 * @returns the exit code.
 * @throws UsageError when it is not clear what to serve.
 */
export async function stdio(operands: Operands, options: StdioOptions): Promise<number> {
  const signals = new Signals();
  const { target, settings, fixedPolicy, reread } = await makePlan(operands, options);
  if (operands.command.length > 0) await requirePrograms(settings);
  const postern = await startPostern({ settings, fixedPolicy, source: null, reread });
  signals.attach(postern);
  // What it may throw is thrown below, too.
  signals.stopped.then(() => postern.stop()).catch(() => undefined);
  const streams = { input: process.stdin, output: process.stdout };
  try {
    const why = await postern.gateway.serve(target, streams);
    if (why !== null) tellEnd(why, target, postern.events);
    return why === null ? EXIT.ok : EXIT.failure;
  } finally {
    await postern.stop();
    leaveUnread();
  }
}

async function makePlan({ words, command }: Operands, options: StdioOptions): Promise<Plan> {
  const { name, http, sse, set, config, state } = options;
  const quickly = [command.length > 0, http !== undefined, sse !== undefined];
  const asked = [...quickly, words.length > 0, set !== undefined];
  if (asked.filter(Boolean).length > 1 || words.length > 1) {
    throw new UsageError(
      'give one of: the name of a server, --set, a command after --, --http, --sse',
    );
  }
  if (quickly.includes(true)) {
    const { settings, policy } = quickSettings(name, command, options);
    const target = { kind: 'server', name } as const;
    const quick = withoutPorts(overrideSettings(settings, { state }), target);
    return { target, settings: quick, fixedPolicy: policy, reread: null };
  }
  const read = async (): Promise<Settings> =>
    overrideSettings((await readConfigFile(config)).settings, { state });
  const whole = await read();
  const target = chosenTarget(whole, words[0], set);
  const reread = async (): Promise<Settings> => withoutPorts(await read(), target);
  return { target, settings: withoutPorts(whole, target), fixedPolicy: null, reread };
}

/** The servers that are asked for, and nothing that anybody else could connect to. */
function withoutPorts(settings: Settings, target: Target): Settings {
  const servers = settings.servers.filter(({ name, federated }) =>
    target.kind === 'server' ? name === target.name : federated,
  );
  return { ...settings, servers, listeners: [], admin: null };
}

function chosenTarget(
  { servers, federation }: Settings,
  wanted: string | undefined,
  set: string | undefined,
): Target {
  const names = servers.map(({ name }) => name);
  if (wanted !== undefined) return { kind: 'server', name: knownName(wanted, names, 'server') };
  if (set !== undefined) {
    const sets = federation.sets.map(({ name }) => name);
    return { kind: 'federation', set: knownName(set, sets, 'set') };
  }
  const [only, ...others] = names;
  if (only !== undefined && others.length === 0) return { kind: 'server', name: only };
  if (servers.some(({ federated }) => federated)) return { kind: 'federation', set: null };
  throw new UsageError('no server has "federated: true": name one', { hint: hintOf(names) });
}

function knownName(wanted: string, names: readonly string[], what: string): string {
  if (names.includes(wanted)) return wanted;
  const meant = nearest(wanted, names);
  const guess = meant === undefined ? '' : `; did you mean "${meant}"?`;
  throw new UsageError(`no ${what} is called "${wanted}"${guess}`, { hint: hintOf(names) });
}

function hintOf(names: readonly string[]): string {
  return names.length === 0
    ? 'The configuration has none.'
    : `The configuration has ${names.join(', ')}.`;
}

/** What a client does not read would keep the process waiting for it. */
function leaveUnread(): void {
  if (process.stdout.writableLength > 0) process.exit(EXIT.failure);
}

function tellEnd(
  { code, message, hint }: PosternError,
  target: Target,
  events: Awaited<ReturnType<typeof startPostern>>['events'],
): void {
  const server = target.kind === 'server' ? { server: target.name } : {};
  const fields = { ...server, code, hint };
  events({ severity: 'warn', name: 'client.stream_ended', message, fields });
}
