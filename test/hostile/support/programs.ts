import { join } from 'node:path';
import { nodeProgram } from '../../support/node-program.ts';

const FIXTURES = join(import.meta.dirname, '../../../src/transport/stdio/fixtures');

/** A server's settings in postern.yaml, for a program. */
export interface StdioServer {
  readonly stdio: { readonly command: string; readonly args: readonly string[] };
}

/** The smallest MCP server: it answers `initialize` with id 1 and lets everything else hang. */
export function tinyServer(): StdioServer {
  return { stdio: { command: '/bin/sh', args: [join(FIXTURES, 'tiny.sh')] } };
}

/** A server that misbehaves: `way` says how it starts, the name of a called tool what it does then. */
export function hostileServer(way = 'plain'): StdioServer {
  return { stdio: nodeProgram(join(FIXTURES, 'hostile.ts'), way) };
}
