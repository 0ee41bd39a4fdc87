// A small MCP server over HTTPS with an ML-DSA-65 certificate and hybrid key exchange: the quickstart's
// stand-in for a remote server. It serves every protocol revision.
//
// Usage: node clock-server.js <directory with server.key and server.crt>
// Prints its URL on one line; ends when its standard input ends.
import { readFileSync } from 'node:fs';
import { createServer } from 'node:https';
import { join } from 'node:path';
import { toNodeHandler } from '@modelcontextprotocol/node';
import { createMcpHandler, McpServer } from '@modelcontextprotocol/server';
import * as z from 'zod';

const directory = process.argv[2];
if (directory === undefined) throw new Error('usage: clock-server.js <directory>');

function buildServer() {
  const server = new McpServer({ name: 'clock', version: '1.0.0' });
  server.registerTool(
    'now',
    {
      description: 'Tells the time in a time zone.',
      inputSchema: z.object({ zone: z.string().default('UTC').describe('IANA time zone') }),
    },
    ({ zone }) => {
      const time = new Intl.DateTimeFormat('en-GB', {
        dateStyle: 'full',
        timeStyle: 'long',
        timeZone: zone,
      }).format(new Date());
      return { content: [{ type: 'text', text: time }] };
    },
  );
  return server;
}

const server = createServer(
  {
    key: readFileSync(join(directory, 'server.key')),
    cert: readFileSync(join(directory, 'server.crt')),
    minVersion: 'TLSv1.3',
    ecdhCurve: 'X25519MLKEM768',
    sigalgs: 'mldsa65',
  },
  toNodeHandler(createMcpHandler(buildServer)),
);
server.listen(0, '127.0.0.1', () => {
  const { port } = server.address();
  process.stdout.write(`https://127.0.0.1:${port}/mcp\n`);
});
process.stdin.resume().on('end', () => process.exit(0));
