import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Diagnostic } from './yaml-diagnostics.ts';
import { formatDiagnostics, formatPath } from './yaml-diagnostics.ts';
import { looksSecret, maskUrls } from './yaml-secrets.ts';
import { nearest } from './yaml-suggest.ts';

function at(line: number, column: number, extra: Partial<Diagnostic> = {}): Diagnostic {
  return { file: 'p.yaml', line, column, path: 'a.b', message: 'is wrong', ...extra };
}

test('a diagnostic shows position, value, source line with caret, help', () => {
  const text = 'a:\n  b: hybird\n';
  const diagnostic = at(2, 6, {
    value: 'hybird',
    allowed: ['hybrid', 'transition'],
    suggestion: 'hybrid',
  });
  assert.equal(
    formatDiagnostics([diagnostic], text),
    [
      'p.yaml:2:6: a.b: is wrong: "hybird"',
      '    2 |   b: hybird',
      '      |      ^',
      '        did you mean "hybrid"?',
      '        allowed: hybrid, transition',
    ].join('\n'),
  );
});

test('long lines are cut around the column, and long lists counted', () => {
  const text = `${'x'.repeat(300)}HERE${'y'.repeat(300)}`;
  const allowed = Array.from({ length: 20 }, (_, index) => `k${index}`);
  const lines = formatDiagnostics([at(1, 301, { allowed })], text).split('\n');
  const caret = lines[2]?.indexOf('^') ?? -1;
  assert.equal(lines[1]?.slice(caret, caret + 4), 'HERE');
  assert.ok((lines[1]?.length ?? 999) < 120);
  assert.match(lines[3] ?? '', /k11 and 8 more$/);
});

test('a tab before the column keeps the caret in place', () => {
  const lines = formatDiagnostics([at(1, 3)], '\ta: b').split('\n');
  assert.equal(lines[2], '      | \t ^');
});

test('control and direction characters do not reach the terminal', () => {
  const shown = formatDiagnostics([at(1, 1, { value: '\u202eevil' })], 'a: \u001b[2J\u009b');
  assert.doesNotMatch(shown, /(?!\n)\p{Cc}|\u202e/u);
});

test('lines that the text does not have are left out', () => {
  assert.equal(formatDiagnostics([at(9, 1)], 'a: b'), 'p.yaml:9:1: a.b: is wrong');
});

test('secrets in source lines are masked, also in files that do not parse', () => {
  const text = [
    'servers:',
    '  a:',
    '    stdio: { command: x, env: { HARMLESS: s3cret } }',
    '    http:',
    '      url: https://user:s3cret@example.com/?key=s3cret',
    '      headers:',
    '        X-Whatever: s3cret',
    '        "X-Other": [s3cret',
    '        X-Folded: >',
    '          s3cret',
    'api_key: s3cret',
    'client_secret: |',
    '  s3cret',
    'token: "s3cret',
  ].join('\n');
  const all = text.split('\n').map((_, index) => at(index + 1, 1));
  const shown = formatDiagnostics(all, text);
  assert.doesNotMatch(shown, /s3cret/);
  assert.match(shown, /X-Whatever: •••/);
  assert.match(shown, /https:\/\/•+@example\.com\/\?key=•+/);
  assert.match(shown, / {4}3 \| {5}stdio: \{ command: x, env: •••/);
});

test('names of secrets are recognised', () => {
  for (const name of ['API_KEY', 'apiKey', '--token', 'GITHUB_TOKEN', 'db_password', 'Cookie']) {
    assert.equal(looksSecret(name), true, name);
  }
  for (const name of ['max_tokens', 'profile', 'key_exchange', 'HOME']) {
    assert.equal(looksSecret(name), false, name);
  }
});

test('credentials in URLs are masked', () => {
  assert.equal(maskUrls('https://u:p@h/x?k=v&l=w#f'), 'https://•••@h/x?k=•••&l=•••#f');
  assert.equal(maskUrls('https://h/a@b?q'), 'https://h/a@b?q');
});

test('paths read like the file', () => {
  assert.equal(formatPath(['servers', 'a-b', 'args', 0]), 'servers.a-b.args[0]');
  assert.equal(formatPath(['headers', 'a.b']), 'headers["a.b"]');
});

test('the nearest word is found, and none when none is near', () => {
  const keys = ['profile', 'client_certificates', 'server_names'];
  assert.equal(nearest('profil', keys), 'profile');
  assert.equal(nearest('prof', keys), 'profile');
  assert.equal(nearest('clientCertificates', keys), 'client_certificates');
  assert.equal(nearest('sever-name', keys), 'server_names');
  assert.equal(nearest('warning', ['debug', 'info', 'warn']), 'warn');
  assert.equal(nearest('quantum', keys), undefined);
  assert.equal(nearest('x', ['y']), undefined);
  assert.equal(nearest('p'.repeat(10_000), keys), undefined);
});
