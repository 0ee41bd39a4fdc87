import type { SourceFile, Violation } from './check.ts';
import { isTestCode } from './check.ts';
import { tokenize } from './tokens.ts';

/** Over this a file is told of; over the other it is refused. */
export const LONG_LINES = 300;
export const TOO_LONG_LINES = 350;

/** Files that may be longer, each with its reason. */
const LONG_BY_NATURE: Readonly<Record<string, string>> = {};

/** A comment speaks of the code, not of the tracker. `PKCS #8` and the like are names. */
const TICKET = /(?<!PKCS\s?)(?<![\w&])#\d+\b/;
/** Directories of one machine. */
const MACHINE_PATH = /(?<![\w.~}$])\/(?:work|root|home|tmp|Users)\/[\w.-]+/;

/** Number of lines of a file that the product or its tooling runs; 0 for tests. */
export function countedLines({ path, text }: SourceFile): number {
  if (isTestCode(path) || LONG_BY_NATURE[path] !== undefined) return 0;
  return text.split('\n').length - 1;
}

/** Comments that mention tickets or paths of one machine. */
export function checkComments({ path, text }: SourceFile): readonly Violation[] {
  return tokenize(text)
    .filter(({ kind }) => kind === 'comment')
    .flatMap((comment) =>
      [TICKET, MACHINE_PATH].flatMap((pattern) => {
        const found = pattern.exec(comment.text)?.[0];
        return found === undefined ? [] : [`${path}:${comment.line}: comment mentions "${found}"`];
      }),
    );
}
