/** The servers of the matrix: real ones from npm, each with one call that shows that it works. */
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Program } from '../support/node-program.ts';
import { programAt } from '../support/transports.ts';

/** A server and a call of it. */
export interface MatrixServer {
  readonly name: string;
  readonly program: Program;
  readonly tool: string;
  readonly args: Readonly<Record<string, string | number | boolean>>;
  /** What the text of the result contains. */
  readonly answers: RegExp;
}

/** All of them, over files of their own; `remove` takes those away. */
export async function matrixServers(): Promise<{
  readonly servers: readonly MatrixServer[];
  /** For whatever else the matrix needs. */
  readonly directory: string;
  readonly remove: () => Promise<void>;
}> {
  const directory = await mkdtemp(join(tmpdir(), 'postern-matrix-'));
  await writeFile(join(directory, 'note.txt'), 'a note in a real file');
  const server = (
    name: string,
    args: readonly string[],
    call: Pick<MatrixServer, 'tool' | 'args' | 'answers'>,
  ): MatrixServer => ({
    name,
    program: programAt(`node_modules/@modelcontextprotocol/server-${name}/dist/index.js`, ...args),
    ...call,
  });
  const servers = [
    server('everything', [], { tool: 'get-sum', args: { a: 20, b: 22 }, answers: /42/ }),
    server('filesystem', [directory], {
      tool: 'read_text_file',
      args: { path: join(directory, 'note.txt') },
      answers: /a note in a real file/,
    }),
    server('memory', [], { tool: 'read_graph', args: {}, answers: /entities/ }),
    server('sequential-thinking', [], {
      tool: 'sequentialthinking',
      args: { thought: 'first', nextThoughtNeeded: false, thoughtNumber: 1, totalThoughts: 1 },
      answers: /"thoughtNumber": 1/,
    }),
    server('pdf', ['--stdio'], { tool: 'list_pdfs', args: {}, answers: /arxiv|pdf/i }),
    server('system-monitor', ['--stdio'], {
      tool: 'get-system-info',
      args: {},
      answers: /hostname/,
    }),
    server('basic-vanillajs', ['--stdio'], {
      tool: 'get-time',
      args: {},
      answers: /\d{4}-\d\d-\d\dT/,
    }),
  ];
  return { servers, directory, remove: () => rm(directory, { recursive: true, force: true }) };
}
