import { existsSync } from 'node:fs';
import { basename } from 'node:path';
import type { Address, EffectiveSetting, ListenerSettings, Settings } from '#config';
import {
  configInvalid,
  defaultSettingsFor,
  effectiveSettings,
  isLoopback,
  loadConfigFile,
  parseAddress,
  readConfig,
  Refusal,
} from '#config';
import { readYamlFile } from '#lib';
import { denyAllPolicy, readPolicy } from '#policy';
import type { Policy } from '#policy';
import { DEFAULT_CONFIG } from './defaults.ts';
import { ConfigMissing, UsageError } from './errors.ts';

/** A configuration file as read. */
export interface ConfigFile {
  readonly settings: Settings;
  readonly effective: readonly EffectiveSetting[];
}

/** What the command line says instead of the file. */
export interface Overrides {
  readonly listen?: string | undefined;
  readonly admin?: string | undefined;
  readonly state?: string | undefined;
}

/** The text of a configuration file, with what the command line says instead. */
export interface SettingsSource {
  readonly file: string;
  readonly text: string;
  readonly overrides: Overrides;
}

/** Reads the text of a configuration file. @throws ConfigMissing, FileUnreadable, FileTooLarge. */
export async function openSource(file: string, overrides: Overrides): Promise<SettingsSource> {
  requireConfig(file);
  return { file, text: await readYamlFile(file), overrides };
}

/** The settings in force with a text. @throws ConfigInvalid, UsageError. */
export function settingsOf({ file, text, overrides }: SettingsSource): Settings {
  const reading = readConfig(text, file);
  if (!reading.ok) throw configInvalid(reading.diagnostics, text);
  return overrideSettings(reading.settings, overrides);
}

/**
 * Reads a configuration file.
 *
 * @throws ConfigMissing, FileUnreadable, FileTooLarge, or ConfigInvalid with every problem and its
 *   line.
 */
export async function readConfigFile(file: string): Promise<ConfigFile> {
  requireConfig(file);
  const reading = await loadConfigFile(file);
  if (!reading.ok) throw configInvalid(reading.diagnostics, reading.text);
  const { settings, origins } = reading;
  return { settings, effective: effectiveSettings(settings, origins) };
}

function requireConfig(file: string): void {
  if (file !== DEFAULT_CONFIG || existsSync(file)) return;
  throw new ConfigMissing(`there is no ${file} in this directory`);
}

/**
 * Settings and policy for one server given on the command line: loopback only, quantum-safe links,
 * and whoever can reach the loopback port may use the server, with or without a certificate.
 *
 * @throws ConfigInvalid when the server cannot be fronted so.
 */
export function quickSettings(
  name: string,
  command: readonly string[],
  { http, sse }: { readonly http?: string; readonly sse?: string },
): { settings: Settings; policy: Policy } {
  const [program, ...args] = command;
  const remote = sse === undefined ? { http: { url: http ?? '' } } : { sse: { url: sse } };
  const server = program === undefined ? remote : { stdio: { command: program, args } };
  const settings = defaultSettingsFor({ servers: { [name]: server } });
  return { settings, policy: quickPolicy(basename(program ?? 'command line')) };
}

function quickPolicy(origin: string): Policy {
  const text = `rules: [{ id: command-line, effect: allow, principals: [anonymous, '*'] }]`;
  const reading = readPolicy(text, origin);
  return reading.ok ? reading.policy : denyAllPolicy('none');
}

/**
 * The settings with what the command line overrides.
 *
 * @throws UsageError for an address that is none, or that the file would not allow either.
 */
export function overrideSettings(settings: Settings, overrides: Overrides): Settings {
  const { listen, admin, state } = overrides;
  const [first, ...others] = settings.listeners;
  const listeners =
    listen === undefined || first === undefined
      ? settings.listeners
      : [movedTo(first, listen), ...others];
  return {
    ...settings,
    listeners,
    stateDir: state ?? settings.stateDir,
    admin: admin === undefined ? settings.admin : parseAdmin(admin),
  };
}

function movedTo(listener: ListenerSettings, text: string): ListenerSettings {
  const address = addressOf(text);
  if (listener.tls === null && !isLoopback(address.host)) {
    throw new UsageError(`--listen ${text}: without TLS only loopback addresses are allowed`);
  }
  return { ...listener, ...address };
}

function parseAdmin(text: string): Settings['admin'] {
  if (text === 'off') return null;
  const address = addressOf(text);
  if (!isLoopback(address.host)) {
    throw new UsageError(`--admin ${text}: the admin port opens on loopback addresses only`);
  }
  return address;
}

function addressOf(text: string): Address {
  const address = parseAddress(text);
  if (address instanceof Refusal) throw new UsageError(`"${text}": ${address.message}`);
  return address;
}
