import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Confinement } from './confinement.ts';
import { confined, UNCONFINED, wrappersOf } from './confinement.ts';
import type { Mount } from './sandbox/view.ts';

const SERVER = { command: 'server', args: ['--stdio', '; rm -rf /'] };

function within(changes: Partial<Confinement>, mounts: readonly Mount[] = []): readonly string[] {
  const { command, args } = confined(
    SERVER,
    { ...UNCONFINED, ...changes },
    { cwd: '/srv', mounts, fileOf: (wrapper) => `/usr/bin/${wrapper}` },
  );
  return [command, ...args];
}

test('R-18 a program without confinement is started as it is', () => {
  assert.deepEqual(within({}), ['server', '--stdio', '; rm -rf /']);
  assert.deepEqual(wrappersOf(UNCONFINED), []);
});

test('R-18 bounds are soft and hard at once, inside of the sandbox', () => {
  const rlimits = { ...UNCONFINED.rlimits, openFiles: 64 };
  const confinement = { ...UNCONFINED, rlimits, sandbox: 'no_network' as const };
  const sandbox = ['/usr/bin/unshare', '--user', '--map-current-user', '--net', '--'];
  const limits = ['/usr/bin/prlimit', '--nofile=64:64', '--'];
  assert.deepEqual(within(confinement), [...sandbox, ...limits, 'server', '--stdio', '; rm -rf /']);
  assert.deepEqual(wrappersOf(confinement), ['unshare', 'prlimit']);
});

test('R-18 in the strict sandbox the deeper mount counts, and nothing else is there', () => {
  const words = within({ sandbox: 'strict' }, [
    { path: '/srv/data/out', kind: 'write' },
    { path: '/srv/data', kind: 'read' },
    { path: '/bin', kind: { linkTo: '/usr/bin' } },
  ]);
  const first = words.indexOf('--symlink');
  const mounts = [
    '--symlink /usr/bin /bin --dev /dev --proc /proc',
    '--ro-bind /srv/data /srv/data --bind /srv/data/out /srv/data/out',
    '--remount-ro /proc --remount-ro /',
  ];
  assert.equal(words.slice(first, words.indexOf('--chdir')).join(' '), mounts.join(' '));
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
