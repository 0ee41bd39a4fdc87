import type { ProblemParams } from '#lib';
import { z } from 'zod';

/** Why a text is not what a setting needs, as one sentence, and what may have been meant. */
export class Refusal {
  readonly message: string;
  readonly suggestion: string | undefined;
  constructor(message: string, suggestion?: string) {
    this.message = message;
    this.suggestion = suggestion;
  }
}

/**
 * A schema for text that a parser turns into something better; what it refuses is an issue.
 *
 * @param expected Says what belongs here to those who write no text at all.
 */
export function parsedText<T>(parse: (text: string) => T | Refusal, expected?: string) {
  const anyText = z.string({
    error: ({ input }) => (input === undefined ? undefined : expected),
  });
  return anyText.transform((text, context): T => {
    const result = parse(text);
    if (!(result instanceof Refusal)) return result;
    context.addIssue({
      code: 'custom',
      message: result.message,
      params: suggesting(result.suggestion),
      input: text,
    });
    return z.NEVER;
  });
}

/** The `params` of a custom issue for a suggestion, if there is one. */
function suggesting(suggestion: string | undefined): ProblemParams {
  return suggestion === undefined ? {} : { suggestion };
}
