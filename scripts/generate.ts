/**
 * Writes the files that are generated from the source; with `--check`, fails if one is out of date.
 */
import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { configSchema } from '#config';
import { policySchema } from '#policy';
import { format, resolveConfig } from 'prettier';
import { z } from 'zod';
import { algorithmsPage } from './algorithms-page.ts';
import { configurationPage } from './configuration-page.ts';
import { errorsPage } from './errors-page.ts';

interface Output {
  /** Path in the repository. */
  readonly file: string;
  readonly render: () => string | Promise<string>;
}

const ROOT = join(import.meta.dirname, '..');

const OUTPUTS: readonly Output[] = [
  jsonSchema('schemas/postern.schema.json', 'postern.yaml', configSchema),
  jsonSchema('schemas/policy.schema.json', 'policy.yaml', policySchema),
  markdown('docs/errors.md', errorsPage),
  markdown('docs/algorithms.md', algorithmsPage),
  markdown('docs/configuration.md', () => configurationPage(inputSchema(configSchema))),
];

/** A JSON Schema (draft 2020-12) of what people write, for editors. */
function jsonSchema(file: string, title: string, schema: z.ZodType): Output {
  const render = (): string => {
    const { $schema, ...rest } = inputSchema(schema);
    return `${JSON.stringify({ $schema, title, ...rest }, null, 2)}\n`;
  };
  return { file, render };
}

function inputSchema(schema: z.ZodType): z.core.JSONSchema.JSONSchema {
  return z.toJSONSchema(schema, { io: 'input', target: 'draft-2020-12' });
}

function markdown(file: string, page: () => string | Promise<string>): Output {
  const render = async (): Promise<string> => {
    const options = await resolveConfig(join(ROOT, file));
    return format(await page(), { ...options, parser: 'markdown' });
  };
  return { file, render };
}

/** @returns whether the file on disk was what it should be. */
async function produce(output: Output, checkOnly: boolean): Promise<boolean> {
  const path = join(ROOT, output.file);
  const wanted = await output.render();
  const present = await readFile(path, 'utf8').catch(() => null);
  if (present === wanted) return true;
  if (checkOnly) {
    console.error(`${output.file} is out of date; run \`npm run generate\``);
    return false;
  }
  await mkdir(dirname(path), { recursive: true });
  await writeFile(path, wanted);
  console.log(`wrote ${output.file}`);
  return false;
}

const checkOnly = process.argv.includes('--check');
const current = await Promise.all(OUTPUTS.map((output) => produce(output, checkOnly)));
if (checkOnly && current.includes(false)) process.exitCode = 1;
else console.log(`${OUTPUTS.length} generated files are up to date`);
