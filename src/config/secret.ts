import { resolve } from 'node:path';
import { z } from 'zod';
import { path, processText, variableName } from './fields.ts';
import { programPath } from './program-path.ts';

const MINUTE_MS = 60_000;

/** Where a secret is to be found that may change while the gateway runs. */
export type SecretSource = {
  /** Stands before what is found, such as `Bearer `. */
  readonly prefix: string;
} & (
  | { readonly kind: 'file'; readonly file: string }
  | { readonly kind: 'env'; readonly variable: string }
  | {
      readonly kind: 'command';
      readonly command: readonly [program: string, ...args: string[]];
      readonly refreshMs: number;
    }
);

/** A secret as written: its text, or where it is to be found. */
export type SecretOutput = string | z.output<typeof writtenSource>;

const writtenSource = z
  .strictObject({
    file: path.optional().describe('A file that holds it; read again when it changes.'),
    env: variableName.optional().describe('A variable of the gateway’s own environment.'),
    command: z
      .array(processText)
      .min(1)
      .refine(([program]) => program?.trim() !== '', { error: 'the program’s name is missing' })
      .optional()
      .describe(
        'Program and arguments that print it, no shell involved; run again regularly, and when the server refuses the value.',
      ),
    refresh_ms: z
      .int()
      .min(1000)
      .max(24 * 60 * MINUTE_MS)
      .optional()
      .describe('Milliseconds from one run of the command to the next. Default: 600000 (10 min).'),
    prefix: z
      .string()
      .regex(/^[\x20-\x7e]*$/, { error: 'must be printable ASCII on one line' })
      .optional()
      .describe('Text before what is found, such as `Bearer `.'),
  })
  .superRefine(({ file, env, command, refresh_ms: refresh }, context) => {
    const given = [file, env, command].filter((value) => value !== undefined);
    if (given.length !== 1) {
      const message =
        given.length === 0
          ? 'is neither text nor has it "file", "env" or "command"'
          : 'has more than one of "file", "env" and "command"';
      const params = { at: 'key', allowed: ['file', 'env', 'command'] };
      context.addIssue({ code: 'custom', message, params });
    }
    if (refresh === undefined || command !== undefined) return;
    const message = 'only a command is run again and again';
    context.addIssue({ code: 'custom', path: ['refresh_ms'], message, params: { at: 'key' } });
  });

/** The schema of a secret, given that of its text. */
export function secretOr(text: z.ZodString) {
  return z.union([text, writtenSource]);
}

/** Secrets by name, those that are known apart from those that have to be found. */
export function splitSecrets(
  secrets: Readonly<Record<string, SecretOutput>>,
  directory: string,
): {
  readonly fixed: Readonly<Record<string, string>>;
  readonly sources: Readonly<Record<string, SecretSource>>;
} {
  const entries = Object.entries(secrets);
  return {
    fixed: Object.fromEntries(
      entries.flatMap(([name, secret]) => (typeof secret === 'string' ? [[name, secret]] : [])),
    ),
    sources: Object.fromEntries(
      entries.flatMap(([name, secret]) =>
        typeof secret === 'string' ? [] : [[name, sourceOf(secret, directory)]],
      ),
    ),
  };
}

/** One secret, or where it is found. */
export function secretFrom(secret: SecretOutput, directory: string): string | SecretSource {
  return typeof secret === 'string' ? secret : sourceOf(secret, directory);
}

/** A source for people: tells no secret, and of a command no arguments, which may hold one. */
export function describeSource(source: SecretSource): string {
  switch (source.kind) {
    case 'file':
      return `from file ${source.file}`;
    case 'env':
      return `from variable ${source.variable}`;
    case 'command':
      return `from command ${source.command[0]}`;
  }
}

function sourceOf(written: z.output<typeof writtenSource>, directory: string): SecretSource {
  const { file, env, command, refresh_ms: refreshMs = 10 * MINUTE_MS, prefix = '' } = written;
  if (file !== undefined) return { kind: 'file', file: resolve(directory, file), prefix };
  if (env !== undefined) return { kind: 'env', variable: env, prefix };
  if (command === undefined) throw new Error('a checked secret has a source');
  const [program = '', ...args] = command;
  const found = programPath(program, directory);
  return { kind: 'command', command: [found, ...args], refreshMs, prefix };
}
