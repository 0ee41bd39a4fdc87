import { join } from 'node:path';

const COMPILE_CACHE = join(import.meta.dirname, '../../scripts/testing/compile-cache.js');

/** A command with its arguments. */
export interface Program {
  readonly command: string;
  readonly args: string[];
}

/**
 * A script run by this Node, with what was compiled of it before: that halves its start.
 *
 * @param args the script and its arguments.
 */
export function nodeProgram(...args: readonly string[]): Program {
  return { command: process.execPath, args: [`--import=${COMPILE_CACHE}`, ...args] };
}
