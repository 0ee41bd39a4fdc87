import { execFileSync, spawnSync } from 'node:child_process';
import { join } from 'node:path';

/** Why a test with curl and openssl has to be skipped; `false` when they are here. */
export function withoutCurl(): string | false {
  const missing = ['curl', 'openssl'].find((name) => spawnSync(name, ['version']).error);
  return missing === undefined ? false : `${missing} is not installed`;
}

/** An EST client made of the system's curl and openssl, in a directory with the roots in `ca.pem`. */
export class CurlClient {
  readonly #directory: string;
  readonly #origin: string;

  constructor(directory: string, origin: string) {
    this.#directory = directory;
    this.#origin = origin;
  }

  path(file: string): string {
    return join(this.#directory, file);
  }

  /** Makes an ECDSA key and a request for this name. */
  request(name: string, keyFile: string): void {
    const key = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256', '-nodes'];
    const out = ['-outform', 'DER', '-out', 'request.der'];
    this.#run('openssl', 'req', '-new', ...key, '-keyout', keyFile, '-subj', `/CN=${name}`, ...out);
    this.#run('openssl', 'base64', '-in', 'request.der', '-out', 'request.b64');
  }

  /** Sends the request and writes the certificates of the answer, PEM. */
  ask(path: string, certificateFile: string, ...options: readonly string[]): void {
    const url = `${this.#origin}/.well-known/est/${path}`;
    const body = ['-H', 'Content-Type: application/pkcs10', '--data-binary', '@request.b64'];
    const answer = ['-sS', '--fail', '-o', 'answer.b64', ...options, url];
    this.#run('curl', '--cacert', 'ca.pem', ...body, ...answer);
    this.#run('openssl', 'base64', '-d', '-in', 'answer.b64', '-out', 'answer.p7');
    const certificates = ['-inform', 'DER', '-in', 'answer.p7', '-print_certs'];
    this.#run('openssl', 'pkcs7', ...certificates, '-out', certificateFile);
  }

  /** What `openssl verify` says of a certificate and those above it in the same file. */
  verify(file: string): string {
    return this.#run('openssl', 'verify', '-CAfile', 'ca.pem', '-untrusted', file, file);
  }

  #run(program: string, ...args: readonly string[]): string {
    return execFileSync(program, args, { cwd: this.#directory, encoding: 'utf8', stdio: 'pipe' });
  }
}
