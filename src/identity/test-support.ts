import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { TestContext } from 'node:test';

/** What most tests want of a gateway's certificates. */
export const LIFETIME_MS = 24 * 60 * 60 * 1000;

/** A directory of this test alone, removed after it. */
export async function temporaryDir(t: TestContext): Promise<string> {
  const directory = await mkdtemp(join(tmpdir(), 'postern-identity-'));
  t.after(() => rm(directory, { recursive: true, force: true }));
  return directory;
}

/** Checks of an error of this room, for `assert.rejects` and `assert.throws`. */
export function failure(code: string, text?: RegExp): object {
  return text === undefined ? { code } : { code, message: text };
}
