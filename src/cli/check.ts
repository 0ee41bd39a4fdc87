import type { EffectiveSetting, Settings } from '#config';
import type { Diagnostic } from '#lib';
import { formatDiagnostics, messageOf, nearest, readYamlFile } from '#lib';
import { profileUnder, readPolicy } from '#policy';
import { UsageError } from './errors.ts';
import { EXIT } from './exit-codes.ts';
import { refuseMissingPaths } from './missing-paths.ts';
import { print, printJson, style, table } from './output.ts';
import { describeProbe, probesText } from './print-probes.ts';
import type { ServerProbe } from './probe-servers.ts';
import { issuersText, probeIssuers } from './probe-issuers.ts';
import { probeServers } from './probe-servers.ts';
import { readConfigFile } from './settings.ts';

/** Options of `postern check`. */
export interface CheckOptions {
  readonly config: string;
  /** Try the hop to each server too. */
  readonly connect?: boolean;
  /** Names of the servers whose hops are tried; all when there is none. */
  readonly server?: readonly string[];
  readonly json?: boolean;
}

/** Instead of a value; one that is the same is quoted. */
const NOT_SET = '-';

interface PolicyCheck {
  readonly file: string | null;
  readonly hash: string | null;
  readonly rules: number;
  readonly problems: readonly Diagnostic[];
  readonly warnings: readonly Diagnostic[];
  /** Problems and warnings as text, with the lines that they are about. */
  readonly text: string;
}

/**
 * Validates configuration and policy and prints the effective settings with their origin; with
 * `connect` also what each server's hop negotiates, and whether token issuers give their keys.
 *
 * @throws ConfigInvalid, ConfigPathMissing when the configuration is not valid; FileUnreadable, FileTooLarge when it or
 *   the policy cannot be read; UsageError for servers that it does not have.
 */
export async function check(options: CheckOptions): Promise<number> {
  const { settings, effective } = await readConfigFile(options.config);
  refuseMissingPaths(settings.servers, effective);
  const chosen = chooseServers(settings, options);
  const policy = await checkPolicy(settings);
  const valid = policy.problems.length === 0;
  const probes = options.connect === true ? await probeServers(chosen, { inspect: true }) : null;
  // Who asks for a server alone is not told of anything else.
  const all = options.connect === true && options.server === undefined;
  const issuers = all ? await probeIssuers(settings) : [];
  const exit = exitOf(valid, [...(probes ?? []), ...issuers]);
  if (options.json === true) {
    const { text: _, ...report } = policy;
    const servers = probes === null ? {} : { servers: probes.map(describeProbe) };
    const tokens = issuers.length === 0 ? {} : { issuers };
    printJson({ ok: exit === EXIT.ok, settings: effective, policy: report, ...servers, ...tokens });
    return exit;
  }
  const rows = effective.map(({ path, value, origin }) => [
    path,
    show(value),
    style('dim', origin),
  ]);
  print(table([['setting', 'value', 'from'].map((title) => style('dim', title)), ...rows]));
  print('');
  if (policy.text !== '') print(`${policy.text}\n`);
  if (probes !== null) print(`${probesText(probes)}\n`);
  if (issuers.length > 0) print(`${issuersText(issuers)}\n`);
  if (valid) {
    print(`  ${style('green', '✓')} configuration is valid; policy ${policy.hash ?? 'absent'}`);
  } else {
    print(`  ${style('red', '✗')} the policy is not usable: every call would be denied`);
  }
  return exit;
}

/** The settings with the servers alone that were asked for. */
function chooseServers(
  settings: Settings,
  { connect, server: wanted = [] }: CheckOptions,
): Settings {
  if (wanted.length === 0) return settings;
  if (connect !== true) throw new UsageError('--server goes with --connect');
  const known = settings.servers.map(({ name }) => name);
  for (const name of wanted) {
    if (known.includes(name)) continue;
    const meant = nearest(name, known);
    const guess = meant === undefined ? '' : `; did you mean "${meant}"?`;
    throw new UsageError(`no server is called "${name}"${guess}`, {
      hint: `The configuration has ${known.join(', ')}.`,
    });
  }
  return { ...settings, servers: settings.servers.filter(({ name }) => wanted.includes(name)) };
}

type Tried = Pick<ServerProbe, 'reachable'> & Partial<Pick<ServerProbe, 'token'>>;

function exitOf(valid: boolean, probes: readonly Tried[]): number {
  if (!valid) return EXIT.config;
  const fine = probes.every(({ reachable, token }) => reachable && token?.works !== false);
  return fine ? EXIT.ok : EXIT.unavailable;
}

function show(value: EffectiveSetting['value']): string {
  if (value === null) return NOT_SET;
  if (value === NOT_SET) return `'${value}'`;
  return typeof value === 'object' ? `[${value.join(', ')}]` : String(value);
}

async function checkPolicy(settings: Settings): Promise<PolicyCheck> {
  const file = settings.policyFile;
  const absent = { file, hash: null, rules: 0, warnings: [] };
  if (file === null) {
    const text = 'no policy is configured (key `policy`): every call is denied';
    return { ...absent, problems: [], text };
  }
  const source = await readYamlFile(file);
  const reading = readPolicy(source, file);
  if (!reading.ok) {
    const text = formatDiagnostics(reading.diagnostics, source);
    return { ...absent, problems: reading.diagnostics, text };
  }
  const { policy, warnings } = reading;
  const problems = settings.listeners.flatMap((listener): Diagnostic[] => {
    try {
      if (listener.tls !== null) profileUnder(policy.links, listener.tls.profile);
      return [];
    } catch (thrown) {
      const message = `listener ${listener.name}: ${messageOf(thrown)}`;
      return [{ file, line: 1, column: 1, path: 'p2p_connectivity.allowed_algos', message }];
    }
  });
  const text = formatDiagnostics([...problems, ...warnings], source);
  return { file, hash: policy.hash, rules: policy.rules.length, problems, warnings, text };
}
