import assert from 'node:assert/strict';
import { test } from 'node:test';
import { readConfig } from './load.ts';

const FILE = '/etc/postern/postern.yaml';

function read(servers: string, federation = '{}') {
  const text = `version: 1\nservers: ${servers}\nfederation: ${federation}\n`;
  return readConfig(text, FILE);
}

function problemsOf(servers: string, federation?: string): readonly string[] {
  const reading = read(servers, federation);
  assert.ok(!reading.ok, 'it was accepted');
  return reading.diagnostics.map(({ path, message }) => `${path}: ${message}`);
}

const PROGRAM = 'stdio: {command: node}';

test('R-23 two servers whose names would begin alike are refused, and so is what cannot begin names', () => {
  const alike = problemsOf(`{a: {${PROGRAM}}, b: {${PROGRAM}, alias: a}}`);
  assert.match(alike.join(), /servers\.b\.alias: begins names of "a" already/);
  assert.match(problemsOf(`{a__b: {${PROGRAM}}}`).join(), /cannot begin names of tools/);
  assert.match(
    problemsOf(`{a-b: {${PROGRAM}}}`, "{separator: '-'}").join(),
    /contains the separator/,
  );
  assert.match(problemsOf(`{a: {${PROGRAM}, alias: A}}`).join(), /an alias has at most 32/);
  assert.match(problemsOf(`{a: {${PROGRAM}}}`, '{separator: .}').join(), /a separator is/);
});

test('R-23 another alias, or staying out of the federation, is a way out', () => {
  for (const fixed of ['alias: c', 'federated: false']) {
    assert.ok(
      read(`{a: {${PROGRAM}}, b: {${PROGRAM}, ${fixed}}, a__b: {${PROGRAM}, alias: d}}`).ok,
    );
  }
});

test('R-23 a set that names one kind of thing has nothing of the others', () => {
  const reading = read(`{a: {${PROGRAM}}}`, '{sets: {all: {}, some: {tools: [a__*]}}}');
  assert.ok(reading.ok);
  assert.deepEqual(reading.settings.federation.sets, [
    { name: 'all', servers: null, tools: null, prompts: null, resources: null },
    { name: 'some', servers: null, tools: ['a__*'], prompts: [], resources: [] },
  ]);
});
