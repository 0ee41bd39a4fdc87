import type { Settings } from '#config';
import { isLoopback } from '#config';
import type { Policy } from '#policy';
import type { RunningPostern } from './compose.ts';
import { startPostern } from './compose.ts';
import { UsageError } from './errors.ts';
import type { Example } from './example.ts';
import { EXIT } from './exit-codes.ts';
import { printJson } from './output.ts';
import { endpointOf } from './endpoint.ts';
import type { Operands } from './operands.ts';
import { requirePrograms } from './require-programs.ts';
import { Signals } from './signals.ts';
import type { SelfCheckTarget } from './self-check.ts';
import { runSelfCheck } from './self-check-child.ts';
import type { Overrides, SettingsSource } from './settings.ts';
import { openSource, overrideSettings, quickSettings, settingsOf } from './settings.ts';
import { printSummary, probeHops, summaryJson } from './summary.ts';

/** Options of `postern up`. */
export interface UpOptions {
  readonly config: string;
  readonly json?: boolean;
  readonly http?: string;
  readonly sse?: string;
  readonly name: string;
  readonly listen?: string;
  readonly admin?: string;
  readonly state?: string;
  readonly example?: boolean;
  readonly check?: boolean;
}

interface Plan {
  readonly settings: Settings;
  readonly fixedPolicy: Policy | null;
  /** What the settings were read from; `null` when no file has them. */
  readonly source: SettingsSource | null;
  /** Reads the settings again; `null` when no file has them. */
  readonly reread: (() => Promise<Settings>) | null;
  readonly example: Example | null;
}

/**
 * Runs the gateway until a signal, or until its self-check with `--check`.
 *
 * @returns the exit code.
 * @throws UsageError when it is not clear what to run, ProgramUnavailable, and what a start meets.
 */
export async function up(operands: Operands, options: UpOptions): Promise<number> {
  const { command } = operands;
  refuseWords(operands);
  const signals = new Signals();
  const plan = await makePlan(command, options);
  let postern: RunningPostern;
  try {
    if (command.length > 0) await requirePrograms(plan.settings);
    postern = await startPostern(plan);
  } catch (thrown) {
    plan.example?.stop();
    throw thrown;
  }
  signals.attach(postern);
  try {
    await announce(postern, plan, options);
    if (options.check === true) return EXIT.ok;
    await signals.stopped;
    return EXIT.ok;
  } finally {
    await postern.stop();
    plan.example?.stop();
  }
}

/** What was meant is not guessed: a program would run that nobody wanted. */
function refuseWords({ words }: Operands): void {
  if (words.length === 0) return;
  const text = words.join(' ');
  throw new UsageError(`"${text}" is no option`, {
    hint: `Front a program with \`postern up -- ${text}\`, or name a configuration with \`-c <file>\`.`,
  });
}

async function makePlan(command: readonly string[], options: UpOptions): Promise<Plan> {
  const { http, sse } = options;
  const named = [command.length > 0, http !== undefined, sse !== undefined];
  const asked = [...named, options.example === true];
  if (asked.filter(Boolean).length > 1) {
    throw new UsageError('give one of: a command, --http, --sse, --example');
  }
  if (options.example === true) {
    const { prepareExample } = await import('./example.ts');
    const example = await prepareExample(options.state, options.check === true);
    try {
      const overrides = { ...overridesOf(options), state: undefined };
      return { ...(await planFrom(example.configFile, overrides)), example };
    } catch (thrown) {
      example.stop();
      throw thrown;
    }
  }
  if (named.includes(true)) {
    const { settings, policy } = quickSettings(options.name, command, options);
    const overridden = overrideSettings(settings, options);
    requireLoopback(overridden);
    const none = { source: null, reread: null, example: null };
    return { settings: overridden, fixedPolicy: policy, ...none };
  }
  return { ...(await planFrom(options.config, overridesOf(options))), example: null };
}

async function planFrom(file: string, overrides: Overrides): Promise<Omit<Plan, 'example'>> {
  const source = await openSource(file, overrides);
  const reread = async (): Promise<Settings> => settingsOf(await openSource(file, overrides));
  return { settings: settingsOf(source), fixedPolicy: null, source, reread };
}

function overridesOf({ listen, admin, state }: UpOptions): Overrides {
  return { listen, admin, state };
}

/** Without files whoever reaches the port may call, so it is not for the network. */
function requireLoopback({ listeners }: Settings): void {
  const exposed = listeners.find(({ host }) => !isLoopback(host));
  if (exposed === undefined) return;
  throw new UsageError(
    `${exposed.host} is reachable from elsewhere, and no policy says who may call`,
    {
      hint: 'Write postern.yaml and policy.yaml for a gateway on the network.',
    },
  );
}

/** Tells what is up; with the example or `--check` a real client has gone through it first. */
async function announce(postern: RunningPostern, plan: Plan, options: UpOptions): Promise<void> {
  const wanted = plan.example !== null || options.check === true;
  const check = wanted ? await runSelfCheck(targetOf(postern, plan)) : null;
  const hops = await probeHops(postern);
  if (options.json === true) printJson(summaryJson(postern, hops, check));
  else printSummary(postern, hops, check);
}

function targetOf(postern: RunningPostern, plan: Plan): SelfCheckTarget {
  return {
    stateDir: postern.stateDir,
    recordDir: postern.recordDir,
    caFile: postern.identity.caFile,
    clientName: plan.example?.clientName ?? null,
    servers: postern.gateway.upstreams.map(({ name }) => ({
      name,
      endpoint: endpointOf(postern, name),
    })),
  };
}
