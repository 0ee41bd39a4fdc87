import type { Command } from 'commander';
import { Option } from 'commander';
import type { RenewOptions } from './cert-renew.ts';
import type { EnrollOptions } from './enroll.ts';
import type { TokenOptions } from './ca-token.ts';

type Finish = (code: number) => void;

/** `postern ca token`: how the operator lets a client in. */
export function addCaToken(ca: Command, finish: Finish): void {
  ca.command('token')
    .description('make a one-time token with which a client gets its first certificate')
    .argument('<name>', 'name of the client, as policy.yaml calls it')
    .option('--expires <duration>', 'good for so long: 30s, 15m, 12h, 7d (at most)', '15m')
    .addOption(algorithmOption())
    .option('--state <directory>', 'the gateway’s state directory')
    .option('-c, --config <file>', 'take the state directory and the URL from this postern.yaml')
    .option('--json', 'print JSON')
    .action(async (name: string, options: TokenOptions) =>
      finish(await (await import('./ca-token.ts')).makeToken(name, options)),
    );
}

/** `postern enroll`: how a client gets in. */
export function addEnroll(program: Command, finish: Finish): void {
  program
    .command('enroll')
    .description('get this machine its first client certificate from a gateway')
    .argument('<url>', 'the gateway, https://host:port')
    .requiredOption('--ca-fingerprint <sha256>', 'of the gateway’s root, as `ca token` prints it')
    .option('--token-file <file>', 'read the token from this file; - is standard input')
    .option('--token <token>', 'the token; other users of this machine can see arguments')
    .option('--name <name>', 'refuse a certificate for any other name')
    .addOption(algorithmOption())
    .option('-o, --out <directory>', 'write <name>.key, .crt, .json and ca.crt here', '.')
    .option('--json', 'print JSON')
    .addHelpText(
      'after',
      `
The token comes from --token-file, --token or the variable POSTERN_ENROL_TOKEN, and is sent only
after the gateway has proved itself by a certificate below the root with that fingerprint.
The private key is made here and stays here.`,
    )
    .action(async (url: string, options: EnrollOptions) =>
      finish(await (await import('./enroll.ts')).enroll(url, options)),
    );
}

/** `postern cert renew`: how a client stays in. */
export function addCertRenew(cert: Command, finish: Finish): void {
  cert
    .command('renew')
    .description('renew this machine’s client certificate at its gateway, with a new key')
    .argument('[directory]', 'where <name>.key, <name>.crt and ca.crt of one client are')
    .option('--cert <file>', 'certificate to renew, with --key and --ca instead of a directory')
    .option('--key <file>', 'its key')
    .option('--ca <file>', 'roots of the gateway')
    .option('--url <url>', 'the gateway, unless <name>.json beside the certificate tells')
    .option('--watch', 'keep running and renew at two thirds of each lifetime')
    .option('--json', 'print JSON')
    .addHelpText(
      'after',
      `
The files are replaced one after the other, the key first: who reads them in between gets a pair
that does not fit, and reads again. SIGTERM and SIGINT end --watch.`,
    )
    .action(async (directory: string | undefined, options: RenewOptions) =>
      finish(await (await import('./cert-renew.ts')).renewCertificate(directory, options)),
    );
}

function algorithmOption(): Option {
  return new Option('--algorithm <name>', 'key algorithm of the client')
    .choices(['ML-DSA-65', 'ML-DSA-87', 'ECDSA-P256'])
    .default('ML-DSA-65');
}
