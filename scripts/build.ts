/**
 * Builds `dist/`, a package directory that `npm pack ./dist` packs and `npm publish ./dist` would
 * publish: plain JavaScript, so that it also runs below node_modules, where Node.js strips no types.
 */
import { spawnSync } from 'node:child_process';
import { chmodSync, cpSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { basename, dirname, join } from 'node:path';

interface Manifest {
  readonly name: string;
  readonly version: string;
  readonly description: string;
  readonly license: string;
  readonly engines: object;
  readonly bin: object;
  readonly imports: Readonly<Record<string, string>>;
  readonly dependencies: object;
}

const ROOT = join(import.meta.dirname, '..');
const DIST = join(ROOT, 'dist');
/** What goes into the package as it is. */
const COPIED = ['bin', 'schemas', 'examples', 'README.md', 'LICENSE', 'CHANGELOG.md'];

rmSync(DIST, { recursive: true, force: true });
mkdirSync(DIST);
compile();
for (const path of COPIED) cpSync(join(ROOT, path), join(DIST, path), { recursive: true });
chmodSync(join(DIST, 'bin', 'postern.js'), 0o755);
const root = JSON.parse(readFileSync(join(ROOT, 'package.json'), 'utf8')) as Manifest;
writeFileSync(join(DIST, 'package.json'), `${JSON.stringify(packageManifest(root), null, 2)}\n`);
console.log(`built ${root.name} ${root.version} in dist/`);

/** Compiles everything but tests and their helpers; ends the build when that fails. */
function compile(): void {
  const tsc = join(ROOT, 'node_modules', 'typescript', 'bin', 'tsc');
  const { status } = spawnSync(process.execPath, [tsc, '--project', 'tsconfig.build.json'], {
    cwd: ROOT,
    stdio: 'inherit',
  });
  if (status !== 0) process.exit(1);
}

/** The manifest of the published package: what a user's npm needs, and the doors as JavaScript. */
function packageManifest(manifest: Manifest): object {
  const { name, version, description, license, engines, bin, dependencies } = manifest;
  return {
    name,
    version,
    description,
    license,
    type: 'module',
    engines,
    bin,
    imports: Object.fromEntries(
      Object.entries(manifest.imports).map(([door, source]) => [door, builtDoor(source)]),
    ),
    dependencies,
    // The launcher runs on it where the machine's own Node.js is too old.
    peerDependencies: { node: '>=24' },
    peerDependenciesMeta: { node: { optional: true } },
  };
}

/** `./src/tls/index.ts` is `./tls/index.js` in the package. */
function builtDoor(source: string): string {
  return `./${basename(dirname(source))}/index.js`;
}
