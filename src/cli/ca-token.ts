import type { ListenerSettings } from '#config';
import type { ClientAlgorithm } from '#identity';
import { createToken } from '#identity';
import { UsageError } from './errors.ts';
import { EXIT } from './exit-codes.ts';
import { print, printJson, style } from './output.ts';
import { readConfigFile } from './settings.ts';
import type { StateOptions } from './state-option.ts';
import { stateDirOf } from './state-option.ts';

/** Options of `postern ca token`. */
export interface TokenOptions extends StateOptions {
  readonly expires: string;
  readonly algorithm: ClientAlgorithm;
  readonly json?: boolean;
}

const UNITS_MS = { s: 1000, m: 60_000, h: 3_600_000, d: 86_400_000 } as const;

/** Makes an enrolment token and prints it with the command that uses it. */
export async function makeToken(name: string, options: TokenOptions): Promise<number> {
  const { algorithm } = options;
  const lifetimeMs = durationMs(options.expires);
  const stateDir = await stateDirOf(options);
  const made = await createToken(stateDir, { name, algorithm, lifetimeMs });
  const expires = new Date(made.expiresMs).toISOString();
  const url = await urlOf(options);
  const command =
    `POSTERN_ENROL_TOKEN=${made.token} postern enroll ${url}` +
    ` --ca-fingerprint ${made.caFingerprint} --name ${name} --algorithm ${algorithm}`;
  if (options.json === true) {
    const { token, caFingerprint } = made;
    printJson({ name, algorithm, token, expires, ca_fingerprint: caFingerprint, command });
    return EXIT.ok;
  }
  print(`  ${style('bold', made.token)}`);
  print(`  for ${name}, once, until ${expires}. On the client:`);
  print('');
  print(command);
  return EXIT.ok;
}

/** A duration such as `15m` in milliseconds. */
function durationMs(text: string): number {
  const [, digits, unit] = /^(\d{1,9})([smhd])$/.exec(text) ?? [];
  if (digits !== undefined) return Number(digits) * UNITS_MS[unit as keyof typeof UNITS_MS];
  throw new UsageError(`--expires ${text} is no duration such as 15m, 12h or 7d`);
}

/** Where clients find the gateway, as far as its configuration was named and tells. */
async function urlOf({ config }: StateOptions): Promise<string> {
  const settings = config === undefined ? null : (await readConfigFile(config)).settings;
  const listener = settings?.listeners.find(({ tls }) => tls !== null);
  return listener === undefined ? 'https://HOST:PORT' : urlOfListener(listener);
}

function urlOfListener({ host, port, serverNames: [first] }: ListenerSettings): string {
  const everywhere = host === '0.0.0.0' || host === '::';
  const name = first ?? (everywhere ? 'HOST' : host);
  const bracketed = name.includes(':') ? `[${name}]` : name;
  return `https://${bracketed}:${port === 0 ? 'PORT' : port}`;
}
