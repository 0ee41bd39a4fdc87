import assert from 'node:assert/strict';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { test } from 'node:test';
import { LIMITS } from '#lib';
import { z } from 'zod';
import { readConfig } from './load.ts';
import { configSchema } from './schema.ts';

type JsonSchema = z.core.JSONSchema.JSONSchema;

const ROOT = join(import.meta.dirname, '../..');
const schema = z.toJSONSchema(configSchema, { io: 'input', target: 'draft-2020-12' });

test('the generated JSON Schema on disk is that of the code', async () => {
  const text = await readFile(join(ROOT, 'schemas/postern.schema.json'), 'utf8');
  const { title, ...onDisk } = JSON.parse(text) as JsonSchema;
  assert.equal(title, 'postern.yaml');
  assert.deepEqual(onDisk, JSON.parse(JSON.stringify(schema)), 'run `npm run generate`');
  assert.equal(onDisk.$schema, 'https://json-schema.org/draft/2020-12/schema');
});

test('every property is described, and no mapping takes unknown keys', () => {
  let properties = 0;
  let mappings = 0;
  walk(schema, 'postern.yaml', (node, path) => {
    for (const [name, property] of Object.entries(node.properties ?? {})) {
      properties += 1;
      assert.ok((property as JsonSchema).description, `${path}.${name} has no description`);
    }
    if (node.type !== 'object') return;
    mappings += 1;
    assert.ok(node.additionalProperties !== undefined, `${path} takes any key`);
    if (node.properties !== undefined) assert.equal(node.additionalProperties, false, path);
  });
  assert.ok(properties > Object.keys(LIMITS).length + 20, `only ${properties} properties seen`);
  assert.ok(mappings > 8, `only ${mappings} mappings seen`);
});

test('the documented example is valid, and uses every section', async () => {
  const page = await readFile(join(ROOT, 'docs/configuration.md'), 'utf8');
  const example = /```yaml\n(.*?)```/s.exec(page)?.[1] ?? '';
  const reading = readConfig(example, '/etc/postern/postern.yaml');
  assert.ok(reading.ok, JSON.stringify(reading));
  for (const key of Object.keys(schema.properties ?? {})) {
    if (key !== 'trust_domain') assert.match(example, new RegExp(`^${key}:`, 'm'));
  }
});

test('the documentation has a row for each limit', async () => {
  const page = await readFile(join(ROOT, 'docs/configuration.md'), 'utf8');
  const limits = page.slice(page.indexOf('## Limits'));
  const rows = limits.match(/^\| `[a-z_]+` /gm) ?? [];
  assert.equal(rows.length, Object.keys(LIMITS).length, 'run `npm run generate`');
});

function walk(
  node: JsonSchema,
  path: string,
  visit: (node: JsonSchema, path: string) => void,
): void {
  visit(node, path);
  const children: [string, unknown][] = [
    ...Object.entries(node.properties ?? {}),
    ...(node.anyOf ?? []).map((branch, index): [string, unknown] => [`anyOf${index}`, branch]),
    ['items', node.items],
    ['additionalProperties', node.additionalProperties],
  ];
  for (const [name, child] of children) {
    if (typeof child === 'object' && child !== null)
      walk(child as JsonSchema, `${path}.${name}`, visit);
  }
}
