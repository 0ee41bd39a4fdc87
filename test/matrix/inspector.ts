/** The MCP inspector on its command line, installed into a directory of its own. */
import { execFile } from 'node:child_process';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';
import type { Peer } from '../support/peer.ts';
import type { MatrixClient, Seen } from './clients.ts';
import { namesOf, textOf } from './clients.ts';
import type { MatrixServer } from './servers.ts';

const run = promisify(execFile);

/** With all that it needs it has 110 MB, too much to be among the packages of this project. */
const PACKAGE = '@modelcontextprotocol/inspector@2.12.0';

/** A registry that hangs must not hold up everything else. */
const INSTALL_TIMEOUT_MS = 120_000;

/** Installs the inspector from the registry. @throws when that fails. */
export async function installInspector(directory: string): Promise<MatrixClient> {
  await writeFile(join(directory, 'package.json'), '{"private":true}');
  const options = ['--prefer-offline', '--no-audit', '--no-fund', '--ignore-scripts'];
  await run('npm', ['install', ...options, PACKAGE], {
    cwd: directory,
    timeout: INSTALL_TIMEOUT_MS,
    killSignal: 'SIGKILL',
  });
  const program = join(directory, 'node_modules/.bin/mcp-inspector');
  const look = async (
    { tool, args }: MatrixServer,
    target: readonly string[],
    env: Readonly<Record<string, string>> = {},
  ): Promise<Seen> => {
    const inspect = async (...what: readonly string[]): Promise<unknown> => {
      const { stdout } = await run(process.execPath, [program, '--cli', ...target, ...what], {
        env: { ...process.env, ...env, HOME: directory },
        maxBuffer: 16 * 1024 * 1024,
      });
      return JSON.parse(stdout) as unknown;
    };
    const list = (await inspect('--method', 'tools/list')) as ToolList;
    const given = Object.entries(args).flatMap(([key, value]) => ['--tool-arg', `${key}=${value}`]);
    const result = await inspect('--method', 'tools/call', '--tool-name', tool, ...given);
    return { tools: namesOf(list), text: textOf(result) };
  };
  return {
    name: 'the inspector on the command line',
    // It declares fewer capabilities than the others, and some servers then offer fewer tools.
    seeDirectly: (server) => look(server, [server.program.command, ...server.program.args]),
    see: (server, postern, caFile) =>
      look(server, [postern.url(server.name), '--transport', 'http'], {
        NODE_EXTRA_CA_CERTS: caFile,
      }),
  };
}

type ToolList = Awaited<ReturnType<Peer['listTools']>>;
