import type { Command } from 'commander';
import { Option } from 'commander';
import type { RevocationReason } from '#identity';
import type { CertListOptions, CertOptions } from './cert.ts';
import type { ImportOptions } from './cert-import.ts';
import type { RevokeOptions } from './cert-revoke.ts';
import type { CertStatusOptions } from './cert-status.ts';
import { addCertRenew } from './enrol-commands.ts';

/** Reasons that #identity knows, which is not loaded for the help. */
const REASONS: readonly RevocationReason[] = [
  'unspecified',
  'keyCompromise',
  'affiliationChanged',
  'superseded',
  'cessationOfOperation',
  'privilegeWithdrawn',
];

/** Adds `postern cert …`. */
export function addCert(program: Command, finish: (code: number) => void): void {
  const cert = program.command('cert').description('certificates: of clients, and of the gateway');
  addIssue(cert, finish);
  withState(cert.command('list'))
    .description('list the clients’ certificates that have not expired')
    .action(async (options: CertListOptions) =>
      finish(await (await import('./cert.ts')).listCertificates(options)),
    );
  addRevoke(cert, finish);
  addCertRenew(cert, finish);
  addImport(cert, finish);
  withState(cert.command('status'))
    .description('tell what state directory and running gateway hold, when it ends, what is due')
    .addHelpText('after', '\nExits 1 when something is due.')
    .action(async (options: CertStatusOptions) =>
      finish(await (await import('./cert-status.ts')).certStatus(options)),
    );
}

function addIssue(cert: Command, finish: (code: number) => void): void {
  withState(cert.command('issue'))
    .description('issue a client certificate and key')
    .argument('<name>', 'name of the client, as policy.yaml calls it')
    .option('-o, --out <directory>', 'write <name>.key, <name>.crt and ca.crt here', '.')
    .addOption(
      new Option('--algorithm <name>', 'key algorithm')
        .choices(['ML-DSA-65', 'ML-DSA-87', 'ECDSA-P256'])
        .default('ML-DSA-65'),
    )
    .option('--days <number>', 'days until it expires, at most 365', '90')
    .action(async (name: string, options: CertOptions) =>
      finish(await (await import('./cert.ts')).issueCertificate(name, options)),
    );
}

function addRevoke(cert: Command, finish: (code: number) => void): void {
  withState(cert.command('revoke'))
    .description('revoke certificates; running gateways drop their connections')
    .argument('[name]', 'all certificates of this client that have not expired')
    .option('--serial <hex>', 'the certificate with this serial number')
    .option('--certificate <file>', 'this certificate')
    .option('--fingerprint <sha256>', 'the certificate of another authority with this fingerprint')
    .addOption(
      new Option('--reason <name>', 'why (RFC 5280 §5.3.1)')
        .choices(REASONS)
        .default('unspecified'),
    )
    .action(async (name: string | undefined, options: RevokeOptions) =>
      finish(await (await import('./cert-revoke.ts')).revokeCertificates(name, options)),
    );
}

function addImport(cert: Command, finish: (code: number) => void): void {
  cert
    .command('import')
    .description('turn a PKCS#12 file into the PEM files that postern.yaml takes')
    .argument('<file>', 'PKCS#12 container with a certificate and its private key (.p12, .pfx)')
    .option('--passphrase-file <file>', 'read its passphrase from this file; - is standard input')
    .option('-o, --out <directory>', 'write <name>.crt and <name>.key here', '.')
    .option('--name <name>', 'name of the files, instead of that of the container')
    .option('--json', 'print JSON')
    .action(async (file: string, options: ImportOptions) =>
      finish(await (await import('./cert-import.ts')).importCertificate(file, options)),
    );
}

function withState(command: Command): Command {
  return command
    .option('--state <directory>', 'the gateway’s state directory')
    .option('-c, --config <file>', 'take the state directory from this postern.yaml')
    .option('--json', 'print JSON');
}
