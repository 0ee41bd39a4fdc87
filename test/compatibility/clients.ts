/** The kinds of client that meet a listener, each as one attempt to shake hands with it. */
import { execFile, spawnSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { ConnectionOptions } from 'node:tls';
import { connect } from 'node:tls';

/** Where an attempt goes. */
export interface Target {
  readonly port: number;
  /** Path of the PEM file with the gateway's roots, and its text. */
  readonly caFile: string;
  readonly ca: string;
}

/** One kind of client. */
export interface ClientKind {
  readonly name: string;
  /** Why it cannot be tried on this machine, `null` when it can. */
  readonly missing: string | null;
  /** Makes one connection; resolves when that is over, whatever came of it. */
  readonly attempt: (target: Target) => Promise<void>;
}

const PROGRAM_TIMEOUT_MS = 30_000;
const OLD_NODE = '/usr/bin/node';
const BROWSERS = ['chromium', 'chromium-browser', 'google-chrome'];

export const CLIENTS: readonly ClientKind[] = [
  node('Node.js 26', {}),
  node('Node.js 26, X25519MLKEM768 alone', { ecdhCurve: 'X25519MLKEM768' }),
  node('Node.js 26, SecP256r1MLKEM768 alone', { ecdhCurve: 'SecP256r1MLKEM768' }),
  node('Node.js 26, SecP384r1MLKEM1024 alone', { ecdhCurve: 'SecP384r1MLKEM1024' }),
  node('Node.js 26, MLKEM1024 alone', { ecdhCurve: 'MLKEM1024' }),
  node('Node.js 26, X25519 alone', { ecdhCurve: 'X25519' }),
  node('Node.js 26, key share for X25519 alone', { ecdhCurve: '*X25519:X25519MLKEM768' }),
  node('Node.js 26, ML-DSA alone', { sigalgs: 'mldsa44:mldsa65:mldsa87' }),
  node('Node.js 26, ECDSA alone', { sigalgs: 'ecdsa_secp256r1_sha256' }),
  node('Node.js 26, RSA alone', { sigalgs: 'rsa_pss_rsae_sha256:rsa_pkcs1_sha256' }),
  node('Node.js 26, TLS 1.2', { maxVersion: 'TLSv1.2' }),
  program('Node.js 20 (OpenSSL 3.0)', OLD_NODE, whyNotOldNode(), ({ port, caFile }) => [
    '-e',
    `require('tls').connect({ host: '127.0.0.1', port: ${port},
      ca: require('fs').readFileSync(${JSON.stringify(caFile)}) }, function () { this.end(); })
      .on('error', () => process.exit(1));`,
  ]),
  program('curl (OpenSSL 3.0)', 'curl', whyNot('curl', /OpenSSL\/3\.0/), ({ port, caFile }) => [
    '--silent',
    '--noproxy',
    '*',
    '--cacert',
    caFile,
    `https://127.0.0.1:${port}/`,
  ]),
  program('openssl s_client 3.0', 'openssl', whyNot('openssl', /3\.0/), ({ port, caFile }) => [
    's_client',
    '-connect',
    `127.0.0.1:${port}`,
    '-CAfile',
    caFile,
    '-verify_return_error',
  ]),
  browser(),
];

function node(name: string, options: ConnectionOptions): ClientKind {
  return {
    name,
    missing: null,
    attempt: ({ port, ca }) =>
      new Promise((resolve) => {
        const socket = connect({ host: '127.0.0.1', port, ca, ...options });
        socket.once('secureConnect', () => socket.end());
        socket.once('error', () => resolve());
        socket.once('close', () => resolve());
        socket.resume();
      }),
  };
}

function program(
  name: string,
  command: string,
  missing: string | null,
  args: (target: Target) => readonly string[],
): ClientKind {
  return { name, missing, attempt: (target) => run(command, args(target)) };
}

/** Its certificate store is its own, so whether it trusts the gateway is left out. */
function browser(): ClientKind {
  const command = BROWSERS.find((each) => spawnSync(each, ['--version']).error === undefined);
  return {
    name: 'Chromium',
    missing: command === undefined ? 'no Chromium is installed' : null,
    attempt: async ({ port }) => {
      const profile = await mkdtemp(join(tmpdir(), 'postern-browser-'));
      const flags = ['--headless', '--no-sandbox', '--disable-gpu', '--ignore-certificate-errors'];
      const url = `https://127.0.0.1:${port}/`;
      await run(command ?? '', [...flags, `--user-data-dir=${profile}`, '--dump-dom', url]);
      await rm(profile, { recursive: true, force: true, maxRetries: 5 });
    },
  };
}

/** Whether it succeeds is for the gateway to tell. */
function run(command: string, args: readonly string[]): Promise<void> {
  return new Promise((resolve) => {
    const child = execFile(command, [...args], { timeout: PROGRAM_TIMEOUT_MS }, () => resolve());
    child.stdin?.end();
  });
}

function whyNot(command: string, version: RegExp): string | null {
  const { error, stdout } = spawnSync(command, [command === 'curl' ? '--version' : 'version']);
  if (error !== undefined) return `${command} is not installed`;
  return version.test(stdout.toString()) ? null : `${command} is not the one of OpenSSL 3.0`;
}

function whyNotOldNode(): string | null {
  if (!existsSync(OLD_NODE)) return `${OLD_NODE} does not exist`;
  const { stdout } = spawnSync(OLD_NODE, ['-p', 'process.versions.openssl']);
  return stdout.toString().startsWith('3.0.') ? null : `${OLD_NODE} has another OpenSSL`;
}
