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

test('R-23 a set that names what is not there is refused, with what was probably meant', () => {
  const servers = `{files: {${PROGRAM}}, tickets-2: {${PROGRAM}, alias: 2_tickets}, vault: {${PROGRAM}, federated: false}}`;
  const refusals: Readonly<Record<string, RegExp>> = {
    'servers: [file]': /x\.servers\[0\]: no server has this name.*"files"/,
    'servers: [files, 2_tickets]': /x\.servers\[1\]: no server has this name.*"tickets-2"/,
    'servers: [vault]': /x\.servers\[0\]: this server has "federated: false"/,
    'tools: [file__read_*]': /x\.tools\[0\]: matches nothing.*"files__read_\*"/,
    'servers: [tickets-2], tools: [files__*]': /x\.tools\[0\]: matches nothing/,
    'servers: [nope], tools: [files__*]': /x\.servers\[0\]: no server/,
    'tools: [files__]': /matches nothing/,
    'tools: [tickets-2__get]': /matches nothing.*"2_tickets__get"/,
    'prompts: ["*", vault__open]': /x\.prompts\[1\]: matches nothing/,
    'resources: ["file+file:///*"]': /x\.resources\[0\]: matches nothing.*"files\+file:\/\/\/\*"/,
    'resources: ["2_tickets+a:b"]': /matches nothing/,
  };
  for (const [set, refusal] of Object.entries(refusals)) {
    const reading = read(servers, `{sets: {x: {${set}}}}`);
    assert.ok(!reading.ok, set);
    const [problem, ...others] = reading.diagnostics;
    assert.equal(others.length, 0, set);
    const { path, message, suggestion = '', line } = problem ?? assert.fail(set);
    assert.match(`${path}: ${message} "${suggestion}"`, refusal);
    assert.equal(line, 3);
  }
  for (const set of [
    'servers: [files, new-*]',
    'tools: ["*_read", "f*__read", files__*, files_*, 2_tickets__get]',
    'resources: ["*", files+*, "n..2.tickets+a:b"]',
  ]) {
    assert.ok(read(servers, `{sets: {x: {${set}}}}`).ok, set);
  }
});
