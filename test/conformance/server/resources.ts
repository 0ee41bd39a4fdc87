/** Resources, one of each kind. */
import type { McpServer } from '@modelcontextprotocol/server';
import { ResourceTemplate } from '@modelcontextprotocol/server';
import { PNG } from './content.ts';

const CACHE_HINT = { ttlMs: 60_000, cacheScope: 'private' } as const;

/** Registers them. */
export function addResources(server: McpServer): void {
  const plain = { mimeType: 'text/plain', cacheHint: CACHE_HINT };
  server.registerResource('static-text', 'test://static-text', plain, ({ href: uri }) => ({
    contents: [{ uri, mimeType: 'text/plain', text: 'The content of the static text resource.' }],
  }));
  server.registerResource('watched', 'test://watched-resource', plain, ({ href: uri }) => ({
    contents: [{ uri, mimeType: 'text/plain', text: 'Watched resource content' }],
  }));
  const binary = { mimeType: 'image/png', cacheHint: CACHE_HINT };
  server.registerResource('static-binary', 'test://static-binary', binary, ({ href: uri }) => ({
    contents: [{ uri, mimeType: 'image/png', blob: PNG }],
  }));
  server.registerResource(
    'template',
    new ResourceTemplate('test://template/{id}/data', { list: undefined }),
    { mimeType: 'application/json', cacheHint: CACHE_HINT },
    ({ href: uri }, { id }) => {
      const text = JSON.stringify({ id, templateTest: true, data: `Data for ID: ${String(id)}` });
      return { contents: [{ uri, mimeType: 'application/json', text }] };
    },
  );
}
