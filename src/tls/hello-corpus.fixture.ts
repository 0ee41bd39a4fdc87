/** The hellos in `test/fuzz/client-hellos`. */
import { globSync, readFileSync } from 'node:fs';
import { join, sep } from 'node:path';

const DIRECTORY = join(import.meta.dirname, '../../test/fuzz/client-hellos');

/** What comes of one hello. */
export interface Outcome {
  /** JA4 of a hello that was read, else what the reader says: `not_tls`, `more`, or the reason. */
  readonly reading: string;
  /** Kind of the refusal by profile, `null` for a hello that OpenSSL gets; absent when unread. */
  readonly judged?: Readonly<Record<string, string | null>>;
  readonly openssl: string;
}

/** The bytes of every hello by name, `real/node-26`. */
export function readCorpus(): ReadonlyMap<string, Buffer> {
  const files = globSync('*/*.hex', { cwd: DIRECTORY }).toSorted();
  return new Map(
    files.map((file) => {
      const text = readFileSync(join(DIRECTORY, file), 'utf8');
      const name = file.replaceAll(sep, '/').replace(/\.hex$/, '');
      return [name, Buffer.from(text.replaceAll('\n', ''), 'hex')];
    }),
  );
}

/** What should come of each. */
export function readOutcomes(): Readonly<Record<string, Outcome>> {
  const text = readFileSync(join(DIRECTORY, 'outcomes.json'), 'utf8');
  return JSON.parse(text) as Record<string, Outcome>;
}
