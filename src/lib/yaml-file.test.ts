import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { FileTooLarge, FileUnreadable } from './small-file.ts';
import { readYamlFile } from './yaml-file.ts';

const directory = await mkdtemp(join(tmpdir(), 'postern-yaml-'));
after(() => rm(directory, { recursive: true }));

async function fileWith(content: string | Uint8Array): Promise<string> {
  const path = join(directory, 'file.yaml');
  await writeFile(path, content);
  return path;
}

test('a file is read as it is', async () => {
  assert.equal(await readYamlFile(await fileWith('a: é\n')), 'a: é\n');
  assert.equal(await readYamlFile(await fileWith('')), '');
});

test('a file of the largest size is read, a larger one refused', async () => {
  const largest = await readYamlFile(await fileWith(Buffer.alloc(1024 * 1024, 'x')));
  assert.equal(largest.length, 1024 * 1024);
  const path = await fileWith(Buffer.alloc(1024 * 1024 + 1, 'x'));
  await assert.rejects(readYamlFile(path), FileTooLarge);
});

test('what is no readable UTF-8 file is refused, with its path', async () => {
  const absent = join(directory, 'absent.yaml');
  await assert.rejects(readYamlFile(absent), (error) => {
    assert.ok(error instanceof FileUnreadable);
    assert.equal(error.details['path'], absent);
    return true;
  });
  await assert.rejects(readYamlFile(directory), FileUnreadable);
  await assert.rejects(readYamlFile(await fileWith(Uint8Array.of(0x61, 0xff))), FileUnreadable);
});

test(
  'a pipe is refused without waiting for a writer',
  { skip: process.platform === 'win32' },
  async () => {
    const pipe = join(directory, 'pipe');
    execFileSync('mkfifo', [pipe]);
    await assert.rejects(readYamlFile(pipe), FileUnreadable);
  },
);
