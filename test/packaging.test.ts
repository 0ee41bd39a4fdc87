/** What is shipped for servers and containers, checked against the program that it starts. */
import assert from 'node:assert/strict';
import type { ChildProcess } from 'node:child_process';
import { spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, readFileSync } from 'node:fs';
import { mkdir, mkdtemp, rm, stat, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { stringify } from 'yaml';

const REPOSITORY = join(import.meta.dirname, '..');
const LAUNCHER = join(REPOSITORY, 'bin/postern.js');
const UNIT_FILE = join(REPOSITORY, 'packaging/systemd/postern.service');
const UNIT = readFileSync(UNIT_FILE, 'utf8');
const DOCKERFILE = readFileSync(join(REPOSITORY, 'Dockerfile'), 'utf8');

/** Values of one key of the unit, in order. */
function unitValues(key: string): readonly string[] {
  return UNIT.split('\n').flatMap((line) =>
    line.startsWith(`${key}=`) ? [line.slice(key.length + 1)] : [],
  );
}

/** The Dockerfile as instructions, comments gone and continued lines joined. */
const instructions: readonly { readonly name: string; readonly value: string }[] = DOCKERFILE.split(
  '\n',
)
  .filter((line) => !line.startsWith('#'))
  .join('\n')
  .replaceAll(/\\\n\s*/g, ' ')
  .split('\n')
  .filter((line) => line !== '')
  .map((line) => ({ name: line.split(' ', 1)[0] ?? '', value: line.replace(/^\S+\s+/, '') }));

/** Values of one instruction, in order. */
function docker(name: string): readonly string[] {
  return instructions.flatMap((each) => (each.name === name ? [each.value] : []));
}

/** The last value of an instruction in its exec form, which starts no shell. */
function execForm(value: string | undefined): readonly string[] {
  const list: unknown = JSON.parse(value?.slice(value.indexOf('[')) ?? '');
  assert.ok(Array.isArray(list) && list.every((part) => typeof part === 'string'));
  return list;
}

describe('R-10 the systemd unit', () => {
  let root: string;
  let running: ChildProcess | undefined;
  before(async () => {
    root = await mkdtemp(join(tmpdir(), 'postern-unit-'));
  });
  after(async () => {
    running?.kill('SIGKILL');
    await rm(root, { recursive: true, force: true });
  });

  /** The unit's paths, below a directory of this test. */
  function relocated(text: string): string {
    return text
      .replaceAll('/etc/postern', join(root, 'etc'))
      .replaceAll('%S/postern', join(root, 'state-directory'));
  }

  async function writeConfiguration(): Promise<void> {
    await mkdir(join(root, 'etc'));
    await mkdir(join(root, 'state-directory'), { mode: 0o700 });
    const config = {
      version: 1,
      policy: 'policy.yaml',
      listeners: [{ name: 'main', address: '127.0.0.1:0' }],
      admin: { address: '127.0.0.1:0' },
      servers: { none: { stdio: { command: process.execPath, args: ['--version'] } } },
      log: { format: 'json' },
    };
    await writeFile(join(root, 'etc/postern.yaml'), stringify(config));
    await writePolicy('first');
    // Postern watches the link's directory, so a change of the target reaches it by SIGHUP alone.
    await symlink(join(root, 'policy.yaml'), join(root, 'etc/policy.yaml'));
  }

  async function writePolicy(id: string): Promise<void> {
    const policy = { rules: [{ id, effect: 'deny' }] };
    await writeFile(join(root, 'policy.yaml'), stringify(policy));
  }

  test('its commands start, reload and stop the gateway', async () => {
    await writeConfiguration();
    const [program, ...args] = (unitValues('ExecStart')[0] ?? '').split(' ');
    assert.equal(program, '/usr/bin/postern');
    const environment = unitValues('Environment').map((pair) => relocated(pair).split('='));
    const child = spawn(process.execPath, [LAUNCHER, ...args.map(relocated)], {
      stdio: ['ignore', 'pipe', 'pipe'],
      env: { ...process.env, ...(Object.fromEntries(environment) as Record<string, string>) },
    });
    running = child;
    const summary = watch(child.stdout);
    const log = watch(child.stderr);
    const admin = /http:\/\/127\.0\.0\.1:(\d+)\/readyz/;
    const port = admin.exec(await summary.until((text) => admin.test(text)))?.[1] ?? '';
    assert.ok((await fetch(`http://127.0.0.1:${port}/readyz`)).ok);
    assert.ok((await stat(join(root, 'state-directory/state/record'))).isDirectory());

    assert.equal(unitValues('ExecReload')[0], '/bin/kill -HUP $MAINPID');
    await writePolicy('second');
    child.kill('SIGHUP');
    await log.until((text) => text.split('"policy.loaded"').length === 3);

    assert.equal(await health(port), 0, 'the image’s health check fails on a ready gateway');
    child.kill('SIGTERM');
    await once(child, 'exit');
    assert.equal(child.exitCode, 0);
    assert.notEqual(await health(port), 0, 'the image’s health check passes without a gateway');
  });

  test('systemd accepts it, and its confinement is tight', async (t) => {
    if (spawnSync('systemd-analyze', ['--version']).error !== undefined) {
      t.skip('systemd-analyze is not installed');
      return;
    }
    const file = join(root, 'postern.service');
    await writeFile(file, UNIT.replaceAll('/usr/bin/postern', LAUNCHER));
    const verified = spawnSync('systemd-analyze', ['verify', file], { encoding: 'utf8' });
    assert.equal(verified.stderr, '');
    assert.equal(verified.status, 0);
    // Exposure from 0 to 100; an unconfined service has 96.
    const options = ['security', '--offline=true', '--threshold=20', file];
    assert.equal(spawnSync('systemd-analyze', options).status, 0);
  });
});

describe('R-10 the container image', () => {
  test('starts as another user than root, without a shell, as the unit does', () => {
    assert.match(docker('USER').at(-1) ?? '', /^[1-9]\d*:[1-9]\d*$/);
    const [node, launcher] = execForm(docker('ENTRYPOINT').at(-1));
    assert.equal(node, 'node');
    assert.equal(launcher, '/opt/postern/bin/postern.js');
    const [, ...args] = (unitValues('ExecStart')[0] ?? '').split(' ');
    assert.deepEqual(execForm(docker('CMD').at(-1)), args);
  });

  test('keeps its state in a volume', () => {
    const home = /POSTERN_HOME=(\S+)/.exec(docker('ENV').at(-1) ?? '')?.[1];
    assert.deepEqual(execForm(docker('VOLUME').at(-1)), [home]);
  });

  test('builds from official images and from files that are there', () => {
    const bases = docker('FROM').map((value) => value.split(' ')[0] ?? '');
    assert.ok(bases.length > 0);
    for (const base of bases) assert.match(base, /^node:\d+-\w+-slim$/);
    const ignored = readFileSync(join(REPOSITORY, '.dockerignore'), 'utf8').split('\n');
    const admitted = ignored.flatMap((line) => (line.startsWith('!') ? [line.slice(1)] : []));
    assert.ok(ignored.includes('*') && admitted.length > 0);
    for (const path of admitted)
      assert.ok(existsSync(join(REPOSITORY, path)), `${path} is missing`);
    const copied = docker('COPY')
      .filter((value) => !value.startsWith('--from'))
      .flatMap((value) => value.split(' ').slice(0, -1))
      .filter((path) => path !== '.');
    for (const path of copied) {
      const found = admitted.includes(path) || admitted.some((each) => each.startsWith(`${path}/`));
      assert.ok(found, `${path} is not in the build context`);
    }
  });
});

/** Exit code of the image's health check, against an admin port. */
async function health(port: string): Promise<number | null> {
  const [program, ...args] = execForm(docker('HEALTHCHECK').at(-1));
  assert.equal(program, 'node');
  const script = args.map((arg) => arg.replace(':7480', `:${port}`));
  const child = spawn(process.execPath, script, { stdio: 'ignore' });
  await once(child, 'exit');
  return child.exitCode;
}

/** Collects a stream's text and waits for what it is to say; what was waited for is forgotten. */
function watch(stream: NodeJS.ReadableStream) {
  let text = '';
  let check = (): void => undefined;
  stream.on('data', (chunk: Buffer) => {
    text += chunk.toString();
    check();
  });
  return {
    until: (pass: (text: string) => boolean) =>
      new Promise<string>((resolve, reject) => {
        stream.once('end', () => reject(new Error(`ended after: ${text}`)));
        check = () => {
          if (pass(text)) resolve(text);
        };
        check();
      }),
  };
}
