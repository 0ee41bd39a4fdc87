import assert from 'node:assert/strict';
import { mkdirSync, mkdtempSync, realpathSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import type { TestContext } from 'node:test';
import { test } from 'node:test';
import * as fc from 'fast-check';
import { isWithin, realOf } from './follow.ts';
import { unseenBy } from './unseen.ts';
import type { Mount, SandboxPaths } from './view.ts';
import { viewOf } from './view.ts';

const NOTHING: SandboxPaths = {
  readable: [],
  writable: [],
  hidden: [],
  guarded: [],
  writableByOthers: [],
};

interface Tree {
  readonly root: string;
  /** Path of something in the tree. */
  readonly at: (path: string) => string;
  readonly view: (paths: Partial<SandboxPaths>) => readonly Mount[];
  readonly refusal: (paths: Partial<SandboxPaths>) => string;
}

/** A directory with these files in it, and links from the first of a pair to the second. */
function treeOf(
  t: Pick<TestContext, 'after'>,
  files: readonly string[],
  links: Readonly<Record<string, string>> = {},
): Tree {
  const root = realpathSync(mkdtempSync(join(tmpdir(), 'postern-view-')));
  t.after(() => rmSync(root, { recursive: true }));
  const at = (path: string): string => join(root, path);
  const made = (path: string): string => {
    mkdirSync(dirname(at(path)), { recursive: true });
    return at(path);
  };
  for (const path of files) writeFileSync(made(path), '');
  for (const [path, target] of Object.entries(links)) symlinkSync(target, made(path));
  const look = (paths: Partial<SandboxPaths>) =>
    viewOf({ paths: { ...NOTHING, ...paths }, command: null, home: at('home') });
  return {
    root,
    at,
    view: (paths) => {
      const view = look(paths);
      assert.ok(view.ok, JSON.stringify(view));
      return view.mounts.filter(({ path }) => isWithin(path, root));
    },
    refusal: (paths) => {
      const view = look(paths);
      return view.ok ? assert.fail('it was not refused') : view.problem;
    },
  };
}

function pathsOf(mounts: readonly Mount[], kind: Mount['kind']): readonly string[] {
  return mounts.filter((mount) => mount.kind === kind).map(({ path }) => path);
}

test('R-18 nothing is shown that was not asked for, and the home directory is empty', (t) => {
  const { view, at } = treeOf(t, ['app/main.js', 'home/.ssh/id', 'other/x']);
  const mounts = view({ readable: [at('app')] });
  assert.deepEqual(mounts, [
    { path: at('app'), kind: 'read' },
    { path: at('home'), kind: 'empty' },
  ]);
});

test('R-18 beside a hidden file only what is there now is shown, whatever takes its place', (t) => {
  const files = ['app/main.js', 'app/keys/site-1.key', 'app/keys/readme', 'app/lib/a.js'];
  const { view, at } = treeOf(t, files, { 'app/site.key': 'keys/site-1.key', 'app/l': 'lib' });
  const mounts = view({ readable: [at('app')], hidden: [at('app/site.key'), at('app/none.key')] });
  assert.deepEqual(pathsOf(mounts, 'folder').toSorted(), [at('app'), at('app/keys')]);
  const seen = ['app/keys/readme', 'app/lib', 'app/main.js'];
  assert.deepEqual(pathsOf(mounts, 'read').toSorted(), seen.map(at));
  assert.deepEqual(
    mounts.filter(({ kind }) => typeof kind === 'object'),
    [{ path: at('app/l'), kind: { linkTo: 'lib' } }],
  );
});

test('R-18 what must not change is not writable, by whatever path it is reached', (t) => {
  const { refusal, view, at } = treeOf(t, ['app/postern.yaml', 'app/ca.pem', 'app/out/x'], {
    etc: 'app',
  });
  assert.match(refusal({ writable: [at('app')], hidden: [at('app/postern.yaml')] }), /cannot be/);
  assert.match(refusal({ writable: [at('app')], guarded: [at('etc/ca.pem')] }), /cannot be/);
  assert.match(refusal({ writable: [at('etc')], guarded: [at('app/not-yet.pem')] }), /cannot be/);
  assert.match(refusal({ writable: [at('app/out')], hidden: [at('app')] }), /cannot be/);
  assert.match(refusal({ readable: [at('app/out')], hidden: [at('app')] }), /is hidden/);
  assert.deepEqual(
    pathsOf(view({ writable: [at('app/out')], hidden: [at('app/postern.yaml')] }), 'write'),
    [at('app/out')],
  );
});

test('R-18 a link that the program can put in place of a directory shows nothing more', (t) => {
  const { view, refusal, at } = treeOf(t, ['out/data/x', 'home/.ssh/id'], {
    'out/work': '../home/.ssh',
    'into-out': 'out/work',
  });
  const own = view({ writable: [at('out')], readable: [at('out/work'), at('into-out')] });
  assert.deepEqual(pathsOf(own, 'read'), []);
  const nested = view({ writable: [at('out'), at('out/work')] });
  assert.deepEqual(pathsOf(nested, 'write'), [at('out')]);
  const writableByOthers = [at('out')];
  assert.match(refusal({ readable: [at('out/work')], writableByOthers }), /another server/);
  assert.match(refusal({ writable: [at('into-out')], writableByOthers }), /another server/);
  assert.deepEqual(pathsOf(view({ readable: [at('out')], writableByOthers }), 'read'), [at('out')]);
});

test('R-18 what would undo the sandbox is refused', (t) => {
  const { refusal, at } = treeOf(t, [], { all: '/', self: '/proc/self' });
  for (const path of ['/', '/proc', '/dev', '/proc/1', at('all'), at('self')]) {
    assert.match(refusal({ readable: [path] }), /undo its sandbox/, path);
    assert.match(refusal({ writable: [path] }), /undo its sandbox/, path);
  }
  assert.match(refusal({ readable: [at('missing')] }), /does not exist/);
});

test('R-18 a path with links in it is found by that path', (t) => {
  const { view, at } = treeOf(t, ['store/v2/main.js'], { 'app/current': '../store/v2' });
  assert.deepEqual(view({ readable: [at('app/current')] }).slice(0, 2), [
    { path: at('store/v2'), kind: 'read' },
    { path: at('app/current'), kind: { linkTo: at('store/v2') } },
  ]);
});

test('R-18 property: no mount holds what is hidden, and none is in it', (t) => {
  const leaves = ['a/x', 'a/b/x', 'a/b/c/x', 'a/d/x', 'e/x', 'e/f/x'];
  const links = { 'a/up': '../e', 'e/down': '../a/b', 'e/f/all': '../../a' };
  const { root, at } = treeOf(t, leaves, links);
  const inside = ['', 'a', 'a/b', 'a/b/c', 'e', 'e/f', 'a/up', 'a/up/f', 'e/down/c', 'e/f/all/d'];
  const some = fc.subarray([...inside, ...leaves].map(at), { maxLength: 4 });
  fc.assert(
    fc.property(some, some, some, (readable, writable, hidden) => {
      const paths = { ...NOTHING, readable, writable, hidden };
      const view = viewOf({ paths, command: null, home: undefined });
      if (!view.ok) return;
      const contents = view.mounts.filter(({ kind }) => kind === 'read' || kind === 'write');
      for (const { path } of contents.filter((mount) => isWithin(mount.path, root))) {
        for (const secret of hidden.map(realOf)) {
          assert.ok(!isWithin(secret, path) && !isWithin(path, secret), `${path} ${secret}`);
        }
      }
    }),
  );
});

test('R-10 what arguments and scripts name and the program does not see is told', (t) => {
  const { at, view } = treeOf(t, ['app/main.js', 'data/x', 'bin/node', 'shown/y']);
  writeFileSync(at('app/run'), '#!/usr/bin/env node\nmore');
  const mounts = view({ readable: [at('shown')] });
  const started = {
    args: ['./main.js', `--data=${at('data')}`, at('shown/y'), at('missing'), '--', 'word'],
    cwd: at('app'),
    find: (name: string) => at(`bin/${name}`),
    command: at('app/run'),
  };
  const unseen = ['bin/node', 'app/main.js', 'data'];
  assert.deepEqual(unseenBy(started, mounts), unseen.map(at));
});
