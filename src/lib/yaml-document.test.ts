import assert from 'node:assert/strict';
import { test } from 'node:test';
import * as fc from 'fast-check';
import { z } from 'zod';
import { anyCharacter } from '../../test/support/any-text.ts';
import type { Diagnostic } from './yaml-diagnostics.ts';
import { readYaml } from './yaml-document.ts';

const schema = z.strictObject({
  version: z.literal(1),
  mode: z.enum(['durable', 'async']).optional(),
  count: z.int().min(3).max(9).optional(),
  tls: z.union([z.literal('off'), z.strictObject({ profile: z.string() })]).optional(),
  kind: z
    .discriminatedUnion('type', [
      z.strictObject({ type: z.literal('file'), path: z.string() }),
      z.strictObject({ type: z.literal('socket'), port: z.int() }),
    ])
    .optional(),
  servers: z
    .record(
      z.string().regex(/^[a-z]+$/, { error: 'a bad name' }),
      z.strictObject({ stdio: z.strictObject({ command: z.string() }).optional() }),
    )
    .optional(),
  headers: z.record(z.string(), z.string()).optional(),
  list: z.array(z.string()).min(1).optional(),
});

/** What YAML is made of, and what it trips over. */
const PIECES = [
  fc.constantFrom('-', '- ', '[', ']', '{', '}', ':', ': ', ', ', '?', '? ', '#', '|\n', '>\n'),
  fc.constantFrom('"', "'", '&a ', '*a', '!!str ', '<<: ', '\t', '\n', '\r\n', '\0', '\ufeff', 'é'),
  fc.constantFrom('version: 1\n', 'tls:', ' off\n', '  profile: x\n', 'headers: ', 'list: '),
  fc.constantFrom('__proto__: ', 'constructor: ', '---\n', '...\n', '%YAML 1.1\n'),
];

function problems(text: string): readonly Diagnostic[] {
  const result = readYaml(text, 'f.yaml', schema);
  assert.equal(result.ok, false, 'the text should be refused');
  return result.ok ? [] : result.diagnostics;
}

function only(text: string): Omit<Diagnostic, 'file'> {
  const [first, ...rest] = problems(text);
  assert.ok(first);
  assert.deepEqual(rest, []);
  const { file, ...diagnostic } = first;
  assert.equal(file, 'f.yaml');
  return diagnostic;
}

test('a valid document comes out as its schema makes it, with positions', () => {
  const text = 'version: 1\ntls:\n  profile: hybrid\nlist: [a, b]\n';
  const result = readYaml(text, 'f.yaml', schema);
  assert.ok(result.ok);
  assert.deepEqual(result.value, { version: 1, tls: { profile: 'hybrid' }, list: ['a', 'b'] });
  const { source } = result;
  assert.deepEqual(source.positionOf(['tls', 'profile']), { line: 3, column: 12 });
  assert.deepEqual(source.positionOf(['tls', 'profile'], 'key'), { line: 3, column: 3 });
  assert.deepEqual(source.positionOf(['list', 1]), { line: 4, column: 11 });
  assert.deepEqual(source.positionOf(['tls', 'absent']), { line: 2, column: 1 });
  assert.deepEqual(source.positionOf([]), { line: 1, column: 1 });
  assert.equal(source.has(['list', 0]), true);
  assert.equal(source.has(['list', 2]), false);
});

test('a later check makes diagnostics of its own', () => {
  const result = readYaml('version: 1\nheaders: { a: b }\n', 'f.yaml', schema);
  assert.ok(result.ok);
  const path = ['headers', 'a'];
  assert.deepEqual(result.source.diagnose({ path, message: 'no', input: 'b' }), {
    file: 'f.yaml',
    line: 2,
    column: 15,
    path: 'headers.a',
    message: 'no',
    value: '•••',
  });
});

test('everything wrong is reported at once, in the order of the file', () => {
  const text = 'version: 2\nmode: durabel\ncount: 1\nlist: []\nmoed: async\n';
  assert.deepEqual(
    problems(text).map(({ line, column, path, message }) => [line, column, path, message]),
    [
      [1, 10, 'version', 'this value is not allowed'],
      [2, 7, 'mode', 'this value is not allowed'],
      [3, 8, 'count', 'must be at least 3'],
      [4, 7, 'list', 'must not be empty'],
      [5, 1, 'moed', 'unknown key'],
    ],
  );
});

test('an unknown key names the known ones and the nearest', () => {
  assert.deepEqual(only('version: 1\ntls: { profil: x, profile: y }\n'), {
    line: 2,
    column: 8,
    path: 'tls.profil',
    message: 'unknown key',
    value: 'profil',
    allowed: ['profile'],
    suggestion: 'profile',
  });
  const nested = only('version: 1\nservers:\n  files:\n    command: node\n');
  assert.equal(nested.suggestion, 'stdio.command');
});

test('a missing key is reported at the mapping that lacks it', () => {
  const found = only('version: 1\nservers:\n  files:\n    stdio: {}\n');
  assert.deepEqual(found, {
    line: 4,
    column: 5,
    path: 'servers.files.stdio.command',
    message: 'this key is missing',
  });
});

test('values of the wrong kind say what was expected', () => {
  const cases: readonly (readonly [string, string, string?])[] = [
    ['list: a', 'expected a list, got text', 'a'],
    ['list: [5]', 'expected text, got a number; put it in quotes', '5'],
    ['list: [yes, true]', 'expected text, got true or false; put it in quotes', 'true'],
    ['count: 1.5', 'expected a whole number', '1.5'],
    ['count: "5"', 'expected a number, got text', '5'],
    ['count: 10', 'must be at most 9', '10'],
    ['count:', 'expected a number, got nothing'],
    ['headers: []', 'expected a mapping, got a list'],
    ['servers: { A: {} }', 'a bad name', 'A'],
    ['tls: 5', 'expected "off" or a mapping', '5'],
    ['tls: { profile: 5 }', 'expected text, got a number; put it in quotes', '5'],
  ];
  for (const [line, message, value] of cases) {
    const found = only(`version: 1\n${line}\n`);
    assert.deepEqual([found.message, found.value], [message, value], line);
  }
});

test('a boolean where `off` belongs is understood', () => {
  assert.equal(only('version: 1\ntls: false\n').suggestion, 'off');
});

test('a wrong discriminator lists the right ones', () => {
  const found = only('version: 1\nkind: { type: fiel, path: x }\n');
  assert.deepEqual(
    [found.column, found.path, found.allowed],
    [15, 'kind.type', ['file', 'socket']],
  );
});

test('what stands under env, headers or a secret’s key is never repeated', () => {
  assert.equal(only('version: 1\nheaders: { X-Anything: 12345 }\n').value, '•••');
});

test('the syntax is checked before the schema, each mistake with its place', () => {
  const cases: readonly (readonly [string, string, number, number, RegExp])[] = [
    ['empty', '', 1, 1, /^the file is empty$/],
    ['comments only', '# nothing\n', 1, 1, /^the file is empty$/],
    ['tab', 'version: 1\ntls:\n\tprofile: x\n', 3, 1, /a tab cannot indent/],
    ['colon in text', 'a: b: c\n', 1, 4, /must be in quotes/],
    ['open list', 'list: [a\n', 2, 1, /end with a \]/],
    ['open quote', 'list: "a', 1, 9, /^missing closing "$/],
    ['escape', 'a: "\\q"\n', 1, 5, /invalid escape/],
    ['two documents', 'version: 1\n---\nversion: 1\n', 2, 1, /only one document/],
    ['tag', 'version: !x 1\n', 1, 10, /tags are not allowed/],
    ['known tag', 'version: !!binary aGk=\n', 1, 10, /tags are not allowed/],
    ['directive', '# c\n%YAML 1.1\n---\ntls: off\n', 2, 1, /directives are not allowed/],
    ['mapping as key', '? [a]\n: b\n', 1, 3, /a key must be plain text/],
    ['control character', 'version: 1\na: \u001b[2J\n', 2, 4, /U\+001B is not allowed/],
  ];
  for (const [name, text, line, column, message] of cases) {
    const found = problems(text)[0];
    assert.ok(found, name);
    assert.deepEqual([found.line, found.column], [line, column], name);
    assert.match(found.message, message, name);
  }
});

test('keys that occur twice, and __proto__, are refused along with other mistakes', () => {
  const found = problems('version: 1\ncount: 5\ncount: 6\n__proto__: { x: 1 }\nmode: x\n');
  assert.deepEqual(
    found.map(({ line, message, value }) => [line, message, value]),
    [
      [3, 'this key occurs twice in the same mapping', 'count'],
      [4, 'this key is not allowed', '__proto__'],
      [5, 'this value is not allowed', 'x'],
    ],
  );
});

test('aliases work; loops, unknown anchors and bombs are refused', () => {
  const fine = readYaml('version: 1\nlist: [&a x, *a]\n', 'f.yaml', schema);
  assert.ok(fine.ok);
  assert.deepEqual(fine.value.list, ['x', 'x']);
  for (const text of ['version: 1\nlist: &a [*a]\n', 'version: 1\nlist: [*nowhere]\n']) {
    const loop = problems(text).find(
      ({ message }) => message === 'this alias has no anchor before it',
    );
    assert.equal(loop?.line, 2, text);
  }
  assert.match(only(bomb(8, 8)).message, /stands for more than/);
  assert.match(only(bomb(2, 70)).message, /more than 64 uses of aliases/);
});

test('a merge key is a key like any other', () => {
  const found = only('version: 1\nheaders: { <<: { a: b } }\n');
  assert.equal(found.path, 'headers["<<"]');
});

test('size, depth and number of tokens are bounded, and quickly', () => {
  const before = process.cpuUsage().user;
  const cases: readonly (readonly [string, RegExp])[] = [
    [`a: ${'x'.repeat(1024 * 1024)}`, /the most is 1 MiB/],
    ['['.repeat(60_000), /nests/],
    ['- '.repeat(200), /nests deeper than 64/],
    ['['.repeat(1024 * 1024), /tokens/],
    [`"${'\\q'.repeat(500_000)}"`, /tokens/],
    [Array.from({ length: 100_000 }, (_, index) => `k${index}: 1\n`).join(''), /tokens/],
  ];
  for (const [text, message] of cases) {
    assert.match(only(text).message, message);
  }
  // Ten thousand keys in one mapping take no quadratic time.
  const many = Array.from({ length: 10_000 }, (_, index) => `k${index}: v\n`).join('');
  const result = readYaml(`version: 1\nheaders:\n${many.replaceAll(/^/gm, ' ')}`, 'f.yaml', schema);
  assert.equal(result.ok, true);
  assert.ok(process.cpuUsage().user - before < 10_000_000, 'took over ten seconds');
});

test('property: reading never throws, and refuses with at least one position in the text', () => {
  const texts = fc.oneof(
    fc.string({ unit: anyCharacter, maxLength: 80 }),
    fc.array(fc.oneof(...PIECES), { maxLength: 30 }).map((parts) => parts.join('')),
    fc.json().map((json) => `version: 1\nlist: ${json}`),
  );
  fc.assert(
    fc.property(texts, (text) => {
      const result = readYaml(text, 'f.yaml', schema);
      if (result.ok) return;
      assert.ok(result.diagnostics.length > 0);
      const lines = text.split('\n').length;
      for (const { line, column } of result.diagnostics) {
        assert.ok(line >= 1 && line <= lines && column >= 1);
      }
    }),
    { numRuns: 700 },
  );
});

/** Lists of aliases to lists of aliases. */
function bomb(levels: number, width: number): string {
  const lines = ['version: 1', 'list:', '  - &l0 [x]'];
  for (let level = 1; level <= levels; level += 1) {
    lines.push(
      `  - &l${level} [${Array.from({ length: width }, () => `*l${level - 1}`).join(', ')}]`,
    );
  }
  return lines.join('\n');
}
