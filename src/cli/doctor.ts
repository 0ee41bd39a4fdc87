import { existsSync } from 'node:fs';
import { createServer } from 'node:net';
import { join } from 'node:path';
import type { Settings } from '#config';
import { probeRuntime } from '#crypto';
import { defaultStateDir, describeSealingKeys, openStateDir, readAuthorities } from '#identity';
import { messageOf } from '#lib';
import { visible } from '#telemetry';
import { EXIT } from './exit-codes.ts';
import { print, printJson, style } from './output.ts';
import { probeServers } from './probe-servers.ts';
import { readConfigFile } from './settings.ts';

/** Options of `postern doctor`. */
export interface DoctorOptions {
  readonly config: string;
  readonly json?: boolean;
}

/** One thing that was examined. */
interface Finding {
  readonly area: string;
  readonly status: 'ok' | 'warning' | 'problem';
  readonly detail: string;
}

const DAY_MS = 24 * 60 * 60 * 1000;
/** Certificates that end sooner are a warning. */
const EXPIRY_WARNING_DAYS = 30;
/** Before this the clock is certainly wrong, and every certificate with it. */
const EARLIEST_PLAUSIBLE_MS = Date.UTC(2026, 0, 1);

/** Examines the machine as the configured gateway would use it; changes nothing. */
export async function doctor(options: DoctorOptions): Promise<number> {
  const findings = [...examineRuntime(), examineClock()];
  const settings = await readSettings(options.config, findings);
  if (settings !== null) {
    findings.push(...(await examineState(settings)));
    findings.push(await examineSealingKeys(settings));
    findings.push(...(await examinePorts(settings)));
    findings.push(...(await examineServers(settings)));
  }
  const problems = findings.filter(({ status }) => status === 'problem').length;
  if (options.json === true) printJson({ ok: problems === 0, findings });
  else printFindings(findings, problems);
  return problems === 0 ? EXIT.ok : EXIT.failure;
}

function examineRuntime(): Finding[] {
  const { openssl, groups, signatures } = probeRuntime();
  const have = (items: readonly { available: boolean }[]): boolean =>
    items.every(({ available }) => available);
  const safeGroups = groups.filter(({ group }) => group.quantumSafe);
  const safeSignatures = signatures.filter(({ scheme }) => scheme.quantumSafe);
  const list = (names: readonly string[]): string => names.join(', ') || 'none';
  return [
    finding('runtime', true, `Node.js ${process.version}, OpenSSL ${openssl}`),
    finding(
      'key exchange',
      have(safeGroups),
      list(safeGroups.filter((item) => item.available).map((item) => item.group.name)),
    ),
    finding(
      'signatures',
      have(safeSignatures),
      list(safeSignatures.filter((item) => item.available).map((item) => item.scheme.name)),
    ),
  ];
}

function examineClock(): Finding {
  const now = Date.now();
  return finding('clock', now > EARLIEST_PLAUSIBLE_MS, new Date(now).toISOString());
}

async function readSettings(file: string, findings: Finding[]): Promise<Settings | null> {
  try {
    const { settings } = await readConfigFile(file);
    findings.push(finding('configuration', true, file));
    return settings;
  } catch (thrown) {
    findings.push(finding('configuration', false, messageOf(thrown)));
    return null;
  }
}

async function examineState(settings: Settings): Promise<Finding[]> {
  const directory = settings.stateDir ?? defaultStateDir(process.env);
  if (!existsSync(join(directory, 'identity'))) {
    return [finding('state directory', true, `${directory} will be made at the first start`)];
  }
  try {
    await openStateDir(directory);
    const authorities = await readAuthorities(directory);
    return [
      finding('state directory', true, directory),
      ...authorities.map((certificate): Finding => {
        const days = Math.floor((certificate.validToDate.getTime() - Date.now()) / DAY_MS);
        const name = /CN=(.*)/.exec(certificate.subject)?.[1] ?? certificate.subject;
        const status = days < EXPIRY_WARNING_DAYS ? 'warning' : 'ok';
        return { area: 'identity', status, detail: `${name}, ${days} days left` };
      }),
    ];
  } catch (thrown) {
    return [finding('state directory', false, messageOf(thrown))];
  }
}

async function examineSealingKeys({ stateDir, sealingKeysFile }: Settings): Promise<Finding> {
  const directory = stateDir ?? defaultStateDir(process.env);
  try {
    return finding('sealing keys', true, await describeSealingKeys(directory, sealingKeysFile));
  } catch (thrown) {
    return finding('sealing keys', false, messageOf(thrown));
  }
}

async function examinePorts(settings: Settings): Promise<Finding[]> {
  const ports = settings.listeners.map(({ name, host, port }) => ({ name, host, port }));
  if (settings.admin !== null) ports.push({ name: 'admin', ...settings.admin });
  return Promise.all(
    ports.map(async ({ name, host, port }): Promise<Finding> => {
      const problem = await tryPort(host, port);
      const where = `${name} ${host}:${port}`;
      // A gateway that is up has its own ports, so this is no more than a warning.
      if (problem === null) return { area: 'port', status: 'ok', detail: `${where} is free` };
      return { area: 'port', status: 'warning', detail: `${where}: ${problem}` };
    }),
  );
}

function tryPort(host: string, port: number): Promise<string | null> {
  return new Promise((resolve) => {
    const server = createServer();
    server.once('error', (error: NodeJS.ErrnoException) => {
      resolve(error.code === 'EADDRINUSE' ? 'in use (by a running gateway?)' : error.message);
    });
    server.listen({ host, port }, () => server.close(() => resolve(null)));
  });
}

async function examineServers(settings: Settings): Promise<Finding[]> {
  const probes = await probeServers(settings, { inspect: false });
  const hops = probes.map(({ name, reachable, detail, link, notes }) => {
    const how = link?.kind === 'tls' ? ` (${link.peerSignature?.name ?? 'no'} certificate)` : '';
    return finding('server', reachable, [`${name}: ${visible(detail)}${how}`, ...notes].join('; '));
  });
  const tokens = probes.flatMap(({ name, token }) =>
    token === null ? [] : finding('token', token.works, `${name}: ${visible(token.detail)}`),
  );
  return [...hops, ...tokens];
}

function finding(area: string, fine: boolean, detail: string): Finding {
  return { area, status: fine ? 'ok' : 'problem', detail };
}

const MARKS = {
  ok: style('green', '✓'),
  warning: style('yellow', '!'),
  problem: style('red', '✗'),
};

function printFindings(findings: readonly Finding[], problems: number): void {
  for (const { area, status, detail } of findings) {
    print(`  ${MARKS[status]} ${area.padEnd(16)} ${detail}`);
  }
  print('');
  print(problems === 0 ? '  Nothing is wrong.' : `  ${problems} problem(s) found.`);
}
