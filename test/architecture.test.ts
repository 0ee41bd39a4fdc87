/** Enforces docs/adr/0004: which rooms exist, who may enter whom, and by which door. */
import assert from 'node:assert/strict';
import { existsSync, globSync, readFileSync } from 'node:fs';
import { join, sep } from 'node:path';
import { test } from 'node:test';
import type { SourceFile } from './architecture/check.ts';
import { checkImports, isTestCode, roomOf } from './architecture/check.ts';
import { LEVELS, ROOT_ROOM, SAME_LEVEL } from './architecture/rooms.ts';
import { checkComments, countedLines, LONG_LINES, TOO_LONG_LINES } from './architecture/text.ts';

const REPOSITORY = join(import.meta.dirname, '..');

const files: readonly SourceFile[] = globSync('{src,test,scripts,bench,bin}/**/*.{ts,js}', {
  cwd: REPOSITORY,
  exclude: ['**/node_modules/**'],
})
  .toSorted()
  .map((path) => ({
    path: path.replaceAll(sep, '/'),
    text: readFileSync(join(REPOSITORY, path), 'utf8'),
  }));

const manifest = JSON.parse(readFileSync(join(REPOSITORY, 'package.json'), 'utf8')) as {
  imports: Record<string, string>;
  dependencies: Record<string, string>;
};

const product = files.filter(({ path }) => path.startsWith('src/') && !isTestCode(path));
const rooms = new Set(product.map(({ path }) => roomOf(path)));

test('there is something to check', () => {
  assert.ok(rooms.size >= 10, `found ${rooms.size} rooms`);
  assert.ok(product.length >= 50, `found ${product.length} files of the product`);
  assert.ok(files.length > product.length, 'found no tests and scripts');
});

test('every file of src/ is in a known room', () => {
  const lost = product.filter(({ path }) => LEVELS[roomOf(path) ?? ''] === undefined);
  assert.deepEqual(
    lost.map(({ path }) => path),
    [],
  );
});

test('every import goes down, by a door', () => {
  const report = checkImports(files, Object.keys(manifest.dependencies));
  assert.deepEqual(report.violations, []);
  assert.ok(report.references >= 300, `found ${report.references} imports`);
  const listed = SAME_LEVEL.filter(({ from }) => rooms.has(from));
  assert.deepEqual(
    report.exceptionsUsed,
    new Set(listed.map(({ from, to }) => `${from}→${to}`)),
    'an exception is listed that nobody uses',
  );
});

test('package.json has one door for each room that others may enter', () => {
  const doors = [...rooms].filter((room) => room !== ROOT_ROOM);
  assert.deepEqual(
    manifest.imports,
    Object.fromEntries(doors.map((room) => [`#${room}`, `./src/${room}/index.ts`])),
  );
  for (const file of Object.values(manifest.imports)) {
    assert.ok(existsSync(join(REPOSITORY, file)), `${file} is missing`);
  }
});

test('no file has outgrown its idea', (t) => {
  for (const file of files) {
    const lines = countedLines(file);
    if (lines > LONG_LINES) t.diagnostic(`${file.path} has ${lines} lines`);
    assert.ok(lines <= TOO_LONG_LINES, `${file.path} has ${lines} lines`);
  }
});

test('no comment mentions a ticket or a path of one machine', () => {
  assert.deepEqual(files.flatMap(checkComments), []);
});
