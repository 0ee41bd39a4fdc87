import { Command, CommanderError } from 'commander';
import { addCa } from './ca-commands.ts';
import { addCert } from './cert-commands.ts';
import { addEnroll } from './enrol-commands.ts';
import { EXIT } from './exit-codes.ts';
import { reportFailure } from './output.ts';
import { operandsOf } from './operands.ts';
import { DEFAULT_CONFIG } from './defaults.ts';
import { packageVersion } from './package.ts';
import type { CheckOptions } from './check.ts';
import type { DoctorOptions } from './doctor.ts';
import { addRollout } from './rollout-commands.ts';
import { addStdio } from './stdio-commands.ts';
import type { UpOptions } from './up.ts';

/**
 * Runs one command line (without the program's own name) and resolves with its exit code. Commands
 * load their rooms when they run, so that `--help` is quick.
 */
export async function main(argv: readonly string[]): Promise<number> {
  // A reader that went away (`postern check | head`) is no failure.
  process.stdout.on('error', () => undefined);
  let exitCode: number = EXIT.ok;
  const program = build(argv, (code) => {
    exitCode = code;
  });
  try {
    await program.parseAsync(withoutVainHelp(program, argv), { from: 'user' });
  } catch (thrown) {
    if (thrown instanceof CommanderError) return thrown.exitCode === 0 ? EXIT.ok : EXIT.usage;
    return reportFailure(thrown, argv.includes('--json'));
  }
  return exitCode;
}

/** Commander answers `--help` before it sees that there is no such command. */
function withoutVainHelp({ commands }: Command, argv: readonly string[]): string[] {
  const [first = ''] = argv;
  const isCommand = commands.some((command) => command.name() === first);
  return first === '' || first.startsWith('-') || first === 'help' || isCommand
    ? [...argv]
    : [first];
}

function build(argv: readonly string[], finish: (code: number) => void): Command {
  const program = new Command('postern')
    .description('A post-quantum, crypto-agile security gateway for the Model Context Protocol')
    .version(packageVersion(), '--version', 'print the version')
    .helpOption('-h, --help', 'show help')
    .showSuggestionAfterError()
    .configureHelp({ sortSubcommands: false })
    .addHelpText('after', EXIT_CODES_HELP)
    .exitOverride();

  addUp(program, argv, finish);
  addStdio(program, argv, finish);
  withConfig(program.command('check'))
    .description('validate configuration and policy; print the effective settings and their origin')
    .option('--connect', 'try the link to each server and tell what it negotiates, or shows')
    .option('--server <name>', 'with --connect: this server alone; may be repeated', collect)
    .addHelpText(
      'after',
      '\nExits 0 when both are valid, 78 when not; 69 when a server is not there.',
    )
    .action(async (options: CheckOptions) =>
      finish(await (await import('./check.ts')).check(options)),
    );
  withConfig(program.command('doctor'))
    .description('examine this machine: algorithms, state directory, ports, clock, servers')
    .addHelpText('after', '\nExits 0 when nothing is wrong, 1 when something is.')
    .action(async (options: DoctorOptions) =>
      finish(await (await import('./doctor.ts')).doctor(options)),
    );
  addCert(program, finish);
  addRollout(program, finish);
  addCa(program, finish);
  addEnroll(program, finish);
  return program;
}

function addUp(program: Command, argv: readonly string[], finish: (code: number) => void): void {
  withConfig(program.command('up'))
    .description('run the gateway')
    .usage('[options] [-- <command> [arguments…]]')
    .argument(
      '[command...]',
      'after --: front this MCP server program, with safe defaults and no files',
    )
    .option('--http <url>', 'front the MCP server at this URL, with safe defaults and no files')
    .option('--sse <url>', 'the same for a server on the older HTTP+SSE transport')
    .option('--name <name>', 'name of that server in the path /servers/<name>/mcp', 'mcp')
    .option('--listen <host:port>', 'listen here instead of the first listener’s address')
    .option('--admin <host:port>', 'admin port, or "off"')
    .option('--state <directory>', 'keep keys and records here')
    .option('--example', 'front the example servers that come with Postern')
    .option('--check', 'make one call through the front door, then exit')
    .addHelpText(
      'after',
      `
Examples
  postern up                                     use ./postern.yaml
  postern up -- npx -y @modelcontextprotocol/server-memory
  postern up --http https://mcp.example.com/mcp
  postern up --example --check

Signals
  SIGTERM, SIGINT   finish the calls in flight, then exit; a second one exits at once
  SIGHUP            read policy, profiles and TLS of listeners again, make new certificates`,
    )
    .action(async (_command: string[], options: UpOptions, of: Command) =>
      finish(await (await import('./up.ts')).up(operandsOf(argv, of), options)),
    );
}

function collect(value: string, earlier: readonly string[] = []): readonly string[] {
  return [...earlier, value];
}

function withConfig(command: Command): Command {
  return command
    .option('-c, --config <file>', 'configuration file', DEFAULT_CONFIG)
    .option('--json', 'print JSON');
}

const EXIT_CODES_HELP = `
Exit codes
  0   done
  1   the command found a problem or failed
  64  the command line is wrong
  69  a port, file or server is not available
  70  a defect in Postern
  78  configuration, policy, state directory or runtime has to be mended`;
