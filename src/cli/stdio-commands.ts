import type { Command } from 'commander';
import { DEFAULT_CONFIG } from './defaults.ts';
import { operandsOf } from './operands.ts';
import type { StdioOptions } from './stdio.ts';

/** Adds `postern stdio` to the program. */
export function addStdio(
  program: Command,
  argv: readonly string[],
  finish: (code: number) => void,
): void {
  program
    .command('stdio')
    .description('serve MCP servers to the program that starts this, over stdin and stdout')
    .usage('[options] [server] [-- <command> [arguments…]]')
    .argument('[server]', 'name of one server; without it all of them, as at /mcp')
    .argument('[command...]', 'after --: serve this program, with safe defaults and no files')
    .option('-c, --config <file>', 'configuration file', DEFAULT_CONFIG)
    .option('--set <name>', 'serve a set of the configuration, as at /sets/<name>/mcp')
    .option('--http <url>', 'serve the MCP server at this URL, with safe defaults and no files')
    .option('--sse <url>', 'the same for a server on the older HTTP+SSE transport')
    .option('--name <name>', 'name of a server given here, in records and the log', 'mcp')
    .option('--state <directory>', 'keep keys and records here')
    .addHelpText(
      'after',
      `
No port is opened. Policy and record are those of a client without a certificate.

Examples
  postern stdio                                  every server of ./postern.yaml together
  postern stdio files                            one of them, with its own names
  postern stdio --set reading                    the set federation.sets.reading
  postern stdio -- npx -y @modelcontextprotocol/server-memory
  postern stdio --http https://mcp.example.com/mcp

Exits 0 when the client has ended it, or a signal; 1 when the server has ended the session or the
client said what is no MCP; else with the exit codes of \`postern --help\`.`,
    )
    .action(async (_server: string | undefined, _command: string[], options: StdioOptions, of) =>
      finish(await (await import('./stdio.ts')).stdio(operandsOf(argv, of as Command), options)),
    );
}
