import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { checkImports, isTestCode, roomOf } from './check.ts';
import { referencesOf } from './references.ts';
import { checkComments, countedLines } from './text.ts';
import { tokenize } from './tokens.ts';

function specifiers(text: string): (string | null)[] {
  return referencesOf(tokenize(text)).map(({ specifier }) => specifier);
}

function violations(path: string, text: string): readonly string[] {
  return checkImports([{ path, text }], ['zod', '@peculiar/x509']).violations;
}

describe('references', () => {
  for (const [text, expected] of [
    [`import a from './a.ts';`, ['./a.ts']],
    [`import type { A } from "./a.ts";`, ['./a.ts']],
    [`import { type A, b as c } from './a.ts';`, ['./a.ts']],
    [`import * as a from './a.ts';`, ['./a.ts']],
    [`import {\n  a, // from 'x'\n} from\n  './a.ts';`, ['./a.ts']],
    [`import './a.ts';`, ['./a.ts']],
    [`import data from './a.json' with { type: 'json' };`, ['./a.json']],
    [`export * from './a.ts'; export * as b from './b.ts';`, ['./a.ts', './b.ts']],
    [`export type { A } from './a.ts';`, ['./a.ts']],
    [`const a = await import('./a.ts');`, ['./a.ts']],
    [`const a = (await import( './a.ts', {} )).a;`, ['./a.ts']],
    [`type A = import('./a.ts').A; type B = typeof import('./b.ts');`, ['./a.ts', './b.ts']],
    [`const a = require('./a.cjs');`, ['./a.cjs']],
    ['await import(name); await import(`./${name}.ts`);', [null, null]],
    [`await import('./' + name);`, [null]],
    [`// import a from './a.ts';\n/* import('./b.ts') */`, []],
    [`const text = "import a from './a.ts'"; const other = 'import("./a.ts")';`, []],
    ['const text = `import a from "./a.ts" ${f({ a: `}` })} from "./b.ts"`;', []],
    ['const text = `${await import("./a.ts")}`;', ['./a.ts']],
    [`const pattern = /from './; import a from './a.ts'; const other = /'/;`, ['./a.ts']],
    [`const half = a / b; import c from './c.ts'; const d = e / f;`, ['./c.ts']],
    [`const a = Array.from('x'); import.meta.dirname; object.import('y');`, []],
    [`export const from = 'x'; const o = { from: 'x', import: 'y' };`, []],
  ] as const) {
    test(text.replaceAll('\n', '⏎'), () => assert.deepEqual(specifiers(text), expected));
  }

  test('tell the line', () => {
    const [reference] = referencesOf(tokenize(`/* a\nb */\n\nimport './a.ts';`));
    assert.equal(reference?.line, 4);
  });

  for (const text of ['const a = `x', `const a = 'x`, '/* x', 'const a = `${b} x']) {
    test(`what does not end is refused: ${text}`, () => {
      assert.throws(() => tokenize(text), /does not end/);
    });
  }
});

describe('planted violations are found', () => {
  for (const [path, text, problem] of [
    [
      'src/lib/a.ts',
      `import type { Group } from '#crypto';`,
      /lib \(level 0\) may not import crypto/,
    ],
    ['src/crypto/a.ts', `import { x } from '#mcp';`, /crypto \(level 1\) may not import mcp/],
    ['src/tls/a.ts', `export { x } from '#transport';`, /may not import transport/],
    ['src/gateway/a.ts', `const s = await import('#store');`, /"#store" is for cli alone/],
    ['src/admin/a.ts', `import { log } from '#telemetry';`, /"#telemetry" is for cli alone/],
    ['src/tls/a.ts', `import { x } from '../lib/errors.ts';`, /past its door/],
    ['src/tls/a.ts', `import type { X } from '../lib/index.ts';`, /past its door/],
    ['src/tls/deep/a.ts', `type X = import('../../lib/errors.ts').X;`, /past its door/],
    ['src/tls/a.test.ts', `import { x } from '../lib/errors.ts';`, /past its door/],
    ['test/e2e/a.test.ts', `import { x } from '../../src/lib/errors.ts';`, /past its door/],
    ['scripts/a.ts', `import { x } from '../src/lib/errors.ts';`, /past its door/],
    ['src/tls/a.ts', `import { x } from '../../test/support/x.ts';`, /leaves the room/],
    [
      'src/tls/a.ts',
      `import m from '../../package.json' with { type: 'json' };`,
      /leaves the room/,
    ],
    ['src/tls/a.ts', `import { x } from './a.fixture.ts';`, /is test code/],
    ['src/tls/a.ts', `import { x } from '#tls';`, /own door/],
    ['src/tls/a.ts', `import { x } from '#cli';`, /no door/],
    ['src/tls/a.ts', `import { x } from '#lib/errors';`, /no door/],
    ['src/tls/a.test.ts', `import { x } from '#nowhere';`, /no door/],
    ['src/tls/a.ts', `await import(name);`, /computed/],
    ['src/tls/a.ts', `import { x } from 'fast-check';`, /no runtime dependency/],
    ['src/tls/a.ts', `import fs from 'fs';`, /no runtime dependency/],
    ['src/tls/a.ts', `import x from '/etc/x.js';`, /no runtime dependency/],
    ['src/tls/a.ts', `import x from 'file:///etc/x.js';`, /no runtime dependency/],
  ] as const) {
    test(`${path}: ${text}`, () => {
      const [found, ...others] = violations(path, text);
      assert.match(found ?? '', problem);
      assert.ok(found?.startsWith(`${path}:1: `));
      assert.deepEqual(others, []);
    });
  }
});

test('what the rooms allow is no violation', () => {
  for (const [path, text] of [
    ['src/tls/a.ts', `import { x } from '#lib'; import { y } from '#crypto';`],
    ['src/tls/a.ts', `import { x } from './b.ts'; import { y } from './deep/c.ts';`],
    ['src/tls/deep/a.ts', `import { x } from '../b.ts';`],
    ['src/cli/a.ts', `import { x } from '#store'; import { y } from '#telemetry';`],
    ['src/tls/a.ts', `import fs from 'node:fs'; import z from 'zod/v4'; import '@peculiar/x509';`],
    ['src/tls/a.test.ts', `import { x } from '#gateway'; import { y } from './b.fixture.ts';`],
    [
      'src/tls/a.test.ts',
      `import { x } from '../../test/support/x.ts'; import fc from 'fast-check';`,
    ],
    ['test/e2e/a.test.ts', `import { x } from '#store'; import { y } from '../support/x.ts';`],
    ['bin/postern.js', `await import(entry);`],
  ] as const) {
    assert.deepEqual(violations(path, text), [], `${path}: ${text}`);
  }
});

test('the exceptions that are used are told', () => {
  const report = checkImports(
    [{ path: 'src/policy/a.ts', text: `import { x } from '#crypto'; import { y } from '#lib';` }],
    [],
  );
  assert.deepEqual(report, {
    violations: [],
    references: 2,
    exceptionsUsed: new Set(['policy→crypto']),
  });
});

test('rooms and test code are told by path', () => {
  assert.equal(roomOf('src/tls/deep/a.ts'), 'tls');
  assert.equal(roomOf('src/a.ts'), null);
  assert.equal(roomOf('test/tls/a.ts'), null);
  assert.equal(isTestCode('src/tls/a.ts'), false);
  assert.equal(isTestCode('src/tls/contest.ts'), false);
  assert.equal(isTestCode('src/tls/fixtures/a.ts'), true);
});

test('comments that mention tickets or machine paths are found, and nothing else is', () => {
  const found = checkComments({
    path: 'src/a.ts',
    text: [
      '// as #12 says',
      '/**\n * see /home/ann/x\n */',
      'const path = "/home/ann #12";',
      '// PKCS #8 keys, RFC 8446 §4.2.3, `&#39;`, ~/work/x, https://example.com/home/x, #private',
    ].join('\n'),
  });
  assert.deepEqual(found, [
    'src/a.ts:1: comment mentions "#12"',
    'src/a.ts:2: comment mentions "/home/ann"',
  ]);
});

test('lines are counted in the product and its tooling, not in tests', () => {
  assert.equal(countedLines({ path: 'src/lib/a.ts', text: 'a\nb\n' }), 2);
  assert.equal(countedLines({ path: 'src/lib/a.test.ts', text: 'a\nb\n' }), 0);
});
