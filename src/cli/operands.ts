import type { Command } from 'commander';

/** What stands on a command line besides options. */
export interface Operands {
  /** Before `--`, or without one. */
  readonly words: readonly string[];
  /** After `--`. */
  readonly command: readonly string[];
}

/** What stands before `--` and what stands after it; Commander makes one list of both. */
export function operandsOf(argv: readonly string[], { args }: Command): Operands {
  const at = argv.indexOf('--');
  const command = at === -1 ? [] : argv.slice(at + 1);
  return { words: args.slice(0, args.length - command.length), command };
}
