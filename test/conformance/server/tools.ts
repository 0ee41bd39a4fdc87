/** Tools that answer at once. */
import type { McpServer } from '@modelcontextprotocol/server';
import { fromJsonSchema } from '@modelcontextprotocol/server';
import { z } from 'zod';
import { embedded, image, says, text, WAV } from './content.ts';

/** Registers them. */
export function addTools(server: McpServer): void {
  server.registerTool('test_simple_text', { description: 'One text' }, () =>
    says('This is a simple text response for testing.'),
  );
  server.registerTool('test_image_content', { description: 'An image' }, () => ({
    content: [image()],
  }));
  server.registerTool('test_audio_content', { description: 'A sound' }, () => ({
    content: [{ type: 'audio', data: WAV, mimeType: 'audio/wav' }],
  }));
  server.registerTool('test_embedded_resource', { description: 'A resource' }, () => ({
    content: [embedded('test://embedded-resource', 'text/plain', 'An embedded resource.')],
  }));
  server.registerTool('test_multiple_content_types', { description: 'Several blocks' }, () => ({
    content: [
      text('Multiple content types test:'),
      image(),
      embedded('test://mixed-content-resource', 'application/json', '{"test":"data","value":123}'),
    ],
  }));
  server.registerTool('test_error_handling', { description: 'Fails' }, () => {
    throw new Error('This tool intentionally returns an error for testing');
  });
  addSchemas(server);
}

function addSchemas(server: McpServer): void {
  server.registerTool(
    'json_schema_2020_12_tool',
    {
      description: 'Its schema uses what JSON Schema 2020-12 offers',
      inputSchema: fromJsonSchema(SCHEMA_2020_12),
    },
    () => says('The schema held.'),
  );
  // Its argument is mirrored into a header, which the server compares with the body (SEP-2243).
  const region = z.string().meta({ 'x-mcp-header': 'Region' });
  server.registerTool(
    'test_custom_header',
    { description: 'Mirrors an argument into a header', inputSchema: z.object({ region }) },
    ({ region: to }) => says(to),
  );
}

/** The schema whose keywords the suite looks for in the list of tools (SEP-1613, SEP-2106). */
const SCHEMA_2020_12 = {
  $schema: 'https://json-schema.org/draft/2020-12/schema',
  type: 'object' as const,
  $defs: {
    address: {
      $anchor: 'addressDef',
      type: 'object',
      properties: { street: { type: 'string' }, city: { type: 'string' } },
    },
  },
  properties: {
    name: { type: 'string' },
    address: { $ref: '#/$defs/address' },
    contactMethod: { type: 'string', enum: ['phone', 'email'] },
    phone: { type: 'string' },
    email: { type: 'string' },
  },
  allOf: [{ anyOf: [{ required: ['phone'] }, { required: ['email'] }] }],
  if: { properties: { contactMethod: { const: 'phone' } }, required: ['contactMethod'] },
  // A keyword of JSON Schema, though a property of this name makes an object awaitable.
  // oxlint-disable-next-line unicorn/no-thenable
  then: { required: ['phone'] },
  else: { required: ['email'] },
  additionalProperties: false,
};
