import { readFile } from 'node:fs/promises';
import { messageOf, parseJson, replaceFile } from '#lib';
import { RolloutFileInvalid } from './errors.ts';
import type { Rollouts } from './rollout.ts';
import { rolloutFileSchema } from './rollout.ts';

/**
 * The rollouts as they were saved last; none when there is no file.
 *
 * @throws RolloutFileInvalid when the file cannot be read: which profile is in force would be a guess.
 */
export async function loadRollouts(file: string): Promise<Rollouts> {
  let text: string;
  try {
    text = await readFile(file, 'utf8');
  } catch (thrown) {
    if ((thrown as NodeJS.ErrnoException).code === 'ENOENT') return new Map();
    throw new RolloutFileInvalid(`${file} cannot be read: ${messageOf(thrown)}`, { cause: thrown });
  }
  try {
    return new Map(Object.entries(rolloutFileSchema.parse(parseJson(text)).listeners));
  } catch (cause) {
    throw new RolloutFileInvalid(`${file} does not hold rollouts`, { cause });
  }
}

/** Saves the rollouts. @throws RolloutFileInvalid when the file cannot be written. */
export async function saveRollouts(file: string, rollouts: Rollouts): Promise<void> {
  const content = { version: 1, listeners: Object.fromEntries(rollouts) };
  try {
    await replaceFile(file, `${JSON.stringify(content, null, 2)}\n`, 0o600);
  } catch (cause) {
    throw new RolloutFileInvalid(`${file} cannot be written: ${messageOf(cause)}`, { cause });
  }
}
