import { z } from 'zod';
import { settingName } from './fields.ts';

/** What names of a server's tools begin with; short, so that there is room for the name itself. */
export const ALIAS = /^(?=.{1,32}$)[a-z0-9]+(?:[_-][a-z0-9]+)*$/;

/** A server's name behind the endpoint for many servers. */
export const serverAlias = z.string().regex(ALIAS, {
  error:
    'an alias has at most 32 lower-case letters and digits, with single "-" and "_" between them',
});

const patterns = z.array(z.string().min(1).max(512)).max(10_000);

const toolSet = z.strictObject({
  servers: patterns.optional().describe('Names of the servers it takes from. Default: all.'),
  tools: patterns
    .optional()
    .describe(
      'Names as the endpoint has them, such as files__read_*. With none of tools, prompts and resources it has everything of its servers; with any of them, what they name.',
    ),
  prompts: patterns.optional().describe('Names of prompts, as the endpoint has them.'),
  resources: patterns
    .optional()
    .describe('URIs of resources, as the endpoint has them, such as files+file:///srv/*.'),
});

/** The `federation` section. */
export const federation = z.strictObject({
  separator: z
    .string()
    .regex(/^[_-]{1,4}$/, { error: 'a separator is one to four of "_" and "-"' })
    .default('__')
    .describe('Between a server’s alias and the name of its tool or prompt.'),
  sets: z
    .record(settingName, toolSet)
    .default({})
    .describe(
      'Parts of the whole, each at /sets/<name>/mcp. A set adds nothing to what policy allows.',
    ),
});
