import type { Profile } from '#crypto';
import { allProfiles, profileByName } from '#crypto';
import { z } from 'zod';

/** Name of a built-in profile; the row comes out. */
export const profile = z.enum(allProfiles().map(({ name }) => name)).transform(rowOf);

function rowOf(name: string): Profile {
  const row = profileByName(name);
  if (row === undefined) throw new Error(`no profile ${name} behind its name`);
  return row;
}
