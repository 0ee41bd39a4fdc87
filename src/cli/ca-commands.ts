import type { Command } from 'commander';
import type { OfflineOptions, RetireOptions, RotateOptions } from './ca.ts';
import { addCaToken } from './enrol-commands.ts';

/** Adds `postern ca …`. */
export function addCa(program: Command, finish: (code: number) => void): void {
  const ca = program.command('ca').description('authorities: of the gateway and its clients');
  addCaToken(ca, finish);
  withState(ca.command('rotate'))
    .description('replace the issuing CAs, and the roots if wanted, after a rehearsal')
    .option('--root', 'make new roots too; the ones before stay trusted until `ca retire`')
    .option('--root-keys <directory>', 'take the keys of the roots from here')
    .option('--rehearse', 'only try it in memory and tell what came of it')
    .addHelpText(
      'after',
      '\nCertificates that were issued before stay valid; running gateways adopt the change at once.',
    )
    .action(async (options: RotateOptions) =>
      finish(await (await import('./ca.ts')).rotateAuthorities(options)),
    );
  withState(ca.command('retire'))
    .description('end the trust in the roots before the last rotation')
    .addHelpText('after', '\nClients whose certificates are below those roots are then refused.')
    .action(async (options: RetireOptions) =>
      finish(await (await import('./ca.ts')).retireRoots(options)),
    );
  withState(ca.command('offline'))
    .description('move the keys of the roots out of the state directory')
    .requiredOption('--out <directory>', 'move them here: a disk that is kept elsewhere')
    .action(async (options: OfflineOptions) =>
      finish(await (await import('./ca.ts')).moveRootKeys(options)),
    );
}

function withState(command: Command): Command {
  return command
    .option('--state <directory>', 'the gateway’s state directory')
    .option('-c, --config <file>', 'take the state directory from this postern.yaml')
    .option('--json', 'print JSON');
}
