import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Confinement } from './confinement.ts';
import { confined, UNCONFINED, wrappersOf } from './confinement.ts';

const SERVER = { command: 'server', args: ['--stdio', '; rm -rf /'] };

function within(changes: Partial<Confinement>): readonly string[] {
  const { command, args } = confined(SERVER, { ...UNCONFINED, ...changes }, '/srv');
  return [command, ...args];
}

test('R-18 a program without confinement is started as it is', () => {
  assert.deepEqual(within({}), ['server', '--stdio', '; rm -rf /']);
  assert.deepEqual(wrappersOf(UNCONFINED), []);
});

test('R-18 bounds are soft and hard at once, inside of the sandbox', () => {
  const rlimits = { ...UNCONFINED.rlimits, openFiles: 64 };
  const confinement = { ...UNCONFINED, rlimits, sandbox: 'no_network' as const };
  const sandbox = ['unshare', '--user', '--map-current-user', '--net', '--'];
  const limits = ['prlimit', '--nofile=64:64', '--'];
  assert.deepEqual(within(confinement), [...sandbox, ...limits, 'server', '--stdio', '; rm -rf /']);
  assert.deepEqual(wrappersOf(confinement), ['unshare', 'prlimit']);
});

test('R-18 in the strict sandbox what is hidden stays so beneath what is writable', () => {
  const words = within({ sandbox: 'strict', writable: ['/srv'], hidden: ['/srv/state'] });
  const [bind, hide] = [words.indexOf('--bind'), words.lastIndexOf('--tmpfs')];
  assert.deepEqual(words.slice(bind, bind + 3), ['--bind', '/srv', '/srv']);
  assert.deepEqual(words.slice(hide, hide + 2), ['--tmpfs', '/srv/state']);
  assert.ok(bind < hide);
  const drop = words.indexOf('--cap-drop');
  assert.deepEqual(words.slice(drop, drop + 2), ['--cap-drop', 'ALL']);
  assert.deepEqual(words.slice(words.indexOf('--chdir')), [
    '--chdir',
    '/srv',
    '--',
    'server',
    '--stdio',
    '; rm -rf /',
  ]);
});
