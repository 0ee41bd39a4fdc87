/** Messages to read, from the smallest to the largest that a gateway sees. */

/** One message and what it is. */
export interface Body {
  readonly name: string;
  readonly bytes: Buffer;
}

const LINE = 'The worker "pool-3" gave up after 30 s; see /var/log/worker.log, line 17.\n';

const SORTED = { sort: 'updated', order: 'desc', page: 1, archived: false };

export const BODIES: readonly Body[] = [
  body(
    '`tools/call`',
    request({ query: 'is:open label:bug timeout in pool', limit: 20, ...SORTED }),
  ),
  body('result, 1 KB of text', result({ content: [text(LINE.repeat(12))], isError: false })),
  body('`tools/call`, nested', request(tree(6))),
  body('list of 5,000 tools', result({ tools: Array.from({ length: 5000 }, toolOf) })),
  body('result, 1 MB of text', result({ content: [text(LINE.repeat(13_000))], isError: false })),
  body('result, 9 MB image', result({ content: [image(6_750_000)], isError: false })),
];

function body(name: string, message: object): Body {
  return { name, bytes: Buffer.from(JSON.stringify(message)) };
}

function request(args: object): object {
  const meta = { progressToken: 17, 'io.modelcontextprotocol/protocolVersion': '2026-07-28' };
  const params = { name: 'search_issues', arguments: args, _meta: meta };
  return { jsonrpc: '2.0', id: 17, method: 'tools/call', params };
}

function result(value: object): object {
  return { jsonrpc: '2.0', id: 17, result: value };
}

function text(value: string): object {
  return { type: 'text', text: value };
}

function image(bytes: number): object {
  const data = Buffer.alloc(bytes, 'postern').toString('base64');
  return { type: 'image', mimeType: 'image/png', data };
}

function tree(depth: number): object {
  if (depth === 0) return { id: 12, open: true, tags: ['a', 'b'], title: 'some title' };
  const [left, right] = [tree(depth - 1), tree(depth - 1)];
  return { name: `node ${depth}`, kind: 'tree', size: 1234.5, left, right };
}

function toolOf(_: unknown, index: number): object {
  const path = { type: 'string', description: 'Path below the root.' };
  const depth = { type: 'integer', minimum: 0, maximum: 10 };
  return {
    name: `tool_${index}`,
    description: 'Does one thing with a number of others, for people who need it.',
    inputSchema: { type: 'object', properties: { path, depth }, required: ['path'] },
  };
}
