import { readFileSync } from 'node:fs';
import { findPackageJSON } from 'node:module';
import { dirname, join } from 'node:path';

interface Manifest {
  readonly version: string;
  readonly bin?: string | Readonly<Record<string, string>>;
}

/** Directory of Postern's own package: the checkout, or the built package. */
export function packageRoot(): string {
  return dirname(manifestFile('.'));
}

/** Version of Postern. */
export function packageVersion(): string {
  return readManifest(manifestFile('.')).version;
}

/** The program file of an npm package that is installed beside Postern; `null` when it is not. */
export function programOf(name: string): string | null {
  const file = findPackageJSON(name, import.meta.url);
  if (file === undefined) return null;
  const { bin } = readManifest(file);
  const program = typeof bin === 'string' ? bin : Object.values(bin ?? {})[0];
  return program === undefined ? null : join(dirname(file), program);
}

function manifestFile(specifier: string): string {
  const file = findPackageJSON(specifier, import.meta.url);
  if (file === undefined) throw new Error('package.json of Postern is missing');
  return file;
}

function readManifest(file: string): Manifest {
  return JSON.parse(readFileSync(file, 'utf8')) as Manifest;
}
