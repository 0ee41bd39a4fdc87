/**
 * Runs after `npm ci` in a checkout: compiles the source once, so that the first start is as quick and
 * small as any later one. Not more than a convenience, so it never fails an installation.
 */
import module from 'node:module';
import { join } from 'node:path';
import { setFlagsFromString } from 'node:v8';

// As in bin/postern.js: V8 keeps code apart by its flags.
setFlagsFromString('--enable-experimental-regexp-engine-on-excessive-backtracks');

const root = join(import.meta.dirname ?? '.', '..');
module.enableCompileCache?.(join(root, 'node_modules', '.cache', 'postern'));
for (const entry of ['main', 'up', 'check', 'cert', 'doctor', 'example', 'self-check']) {
  await import(join(root, 'src', 'cli', `${entry}.ts`)).catch(() => undefined);
}
module.flushCompileCache?.();
process.exit(0);
