import { dirname, resolve } from 'node:path';
import type { Diagnostic, YamlPath } from '#lib';
import { checkShape, readYaml, readYamlFile } from '#lib';
import { settingsInvalid } from './errors.ts';
import { namedFiles } from './named-files.ts';
import { configSchema } from './schema.ts';
import type { ServerInput } from './server-schema.ts';
import type { Settings } from './settings.ts';
import { toSettings } from './to-settings.ts';

/** Where the setting at a path of postern.yaml comes from: `default`, or `file:line`. */
export type Origins = (path: YamlPath) => string;

/** A configuration, or everything that is wrong with it. */
type ConfigReading =
  | { readonly ok: true; readonly settings: Settings; readonly origins: Origins }
  | { readonly ok: false; readonly diagnostics: readonly Diagnostic[] };

/** The reading of a file, with its text where that is needed to show the diagnostics. */
type LoadedConfig =
  | Extract<ConfigReading, { ok: true }>
  | (Extract<ConfigReading, { ok: false }> & { readonly text: string });

/**
 * Reads the text of a postern.yaml. Never throws on whatever text.
 *
 * @param file Its path: names it in diagnostics, and its directory is where relative paths start.
 */
export function readConfig(text: string, file: string): ConfigReading {
  const reading = readYaml(text, file, configSchema);
  if (!reading.ok) return reading;
  const { value, source } = reading;
  const settings = toSettings(value, dirname(resolve(file)));
  return {
    ok: true,
    settings: { ...settings, files: namedFiles(settings, resolve(file)) },
    origins: (path) =>
      source.has(path) ? `${file}:${source.positionOf(path, 'key').line}` : 'default',
  };
}

/**
 * Reads a postern.yaml from disk.
 *
 * @throws FileUnreadable, FileTooLarge.
 */
export async function loadConfigFile(file: string): Promise<LoadedConfig> {
  const text = await readYamlFile(file);
  const reading = readConfig(text, file);
  return reading.ok ? reading : { ...reading, text };
}

/**
 * Settings without a file: the servers given, everything else at its default.
 *
 * @param given Servers by name, written as in postern.yaml.
 * @param directory Where relative paths start.
 * @throws ConfigInvalid naming everything that is wrong with them.
 */
export function defaultSettingsFor(
  given: { readonly servers: Readonly<Record<string, ServerInput>> },
  directory: string = process.cwd(),
): Settings {
  const shape = checkShape({ version: 1, servers: given.servers }, configSchema);
  if (!shape.ok) throw settingsInvalid(shape.problems);
  const settings = toSettings(shape.value, directory);
  return { ...settings, files: namedFiles(settings, null) };
}
