import type { Settings } from '#config';
import type { PosternError } from '#lib';
import { nearest } from '#lib';
import type { Policy } from '#policy';
import { startPostern } from './compose.ts';
import { UsageError } from './errors.ts';
import { EXIT } from './exit-codes.ts';
import { overrideSettings, quickSettings, readConfigFile } from './settings.ts';
import { Signals } from './signals.ts';

/** Options of `postern stdio`. */
export interface StdioOptions {
  readonly config: string;
  readonly http?: string;
  readonly name: string;
  readonly state?: string;
}

/** What else stands on the command line. */
export interface StdioOperands {
  readonly servers: readonly string[];
  /** After `--`. */
  readonly command: readonly string[];
}

interface Plan {
  readonly server: string;
  readonly settings: Settings;
  readonly fixedPolicy: Policy | null;
  /** Reads the settings again; `null` when no file has them. */
  readonly reread: (() => Promise<Settings>) | null;
}

/**
 * Serves one server to the program that has started this one, over stdin and stdout, until that ends.
 *
 * @returns the exit code.
 * @throws UsageError when it is not clear which server.
 */
export async function stdio(operands: StdioOperands, options: StdioOptions): Promise<number> {
  const signals = new Signals();
  const { server, settings, fixedPolicy, reread } = await makePlan(operands, options);
  const postern = await startPostern(settings, fixedPolicy, reread);
  signals.attach(postern);
  // What it may throw is thrown below, too.
  signals.stopped.then(() => postern.stop()).catch(() => undefined);
  const streams = { input: process.stdin, output: process.stdout };
  try {
    const why = await postern.gateway.serve(server, streams);
    if (why !== null) tellEnd(why, server, postern.events);
    return why === null ? EXIT.ok : EXIT.failure;
  } finally {
    await postern.stop();
    leaveUnread();
  }
}

async function makePlan({ servers, command }: StdioOperands, options: StdioOptions): Promise<Plan> {
  const asked = [servers.length > 0, command.length > 0, options.http !== undefined];
  if (asked.filter(Boolean).length > 1 || servers.length > 1) {
    throw new UsageError('give one of: the name of a server, a command after --, --http');
  }
  const { name, http, config, state } = options;
  if (command.length > 0 || http !== undefined) {
    const { settings, policy } = quickSettings(name, command, http === undefined ? {} : { http });
    const quick = withoutPorts(overrideSettings(settings, { state }), name);
    return { server: name, settings: quick, fixedPolicy: policy, reread: null };
  }
  const read = async (): Promise<Settings> =>
    overrideSettings((await readConfigFile(config)).settings, { state });
  const whole = await read();
  const server = chosenServer(whole, servers[0]);
  const reread = async (): Promise<Settings> => withoutPorts(await read(), server);
  return { server, settings: withoutPorts(whole, server), fixedPolicy: null, reread };
}

/** The one server, and nothing that anybody else could connect to. */
function withoutPorts(settings: Settings, server: string): Settings {
  const servers = settings.servers.filter(({ name }) => name === server);
  return { ...settings, servers, listeners: [], admin: null };
}

function chosenServer({ servers }: Settings, wanted: string | undefined): string {
  const names = servers.map(({ name }) => name);
  const [only, ...others] = names;
  if (wanted === undefined && only !== undefined && others.length === 0) return only;
  const hint = `The configuration has ${names.join(', ')}.`;
  if (wanted === undefined)
    throw new UsageError('several servers are configured: name one', { hint });
  if (names.includes(wanted)) return wanted;
  const meant = nearest(wanted, names);
  const guess = meant === undefined ? '' : `; did you mean "${meant}"?`;
  throw new UsageError(`no server is called "${wanted}"${guess}`, { hint });
}

/** What a client does not read would keep the process waiting for it. */
function leaveUnread(): void {
  if (process.stdout.writableLength > 0) process.exit(EXIT.failure);
}

function tellEnd(
  { code, message, hint }: PosternError,
  server: string,
  events: Awaited<ReturnType<typeof startPostern>>['events'],
): void {
  const fields = { server, code, hint };
  events({ severity: 'warn', name: 'client.stream_ended', message, fields });
}
