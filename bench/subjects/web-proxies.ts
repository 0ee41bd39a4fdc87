/** General reverse proxies, TLS on both hops with the classical algorithms that they can do. */
import { mkdtemp, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { Bench } from '../bench.ts';
import { start } from '../children.ts';
import { findCommand, freePort } from '../programs.ts';
import type { EchoSpecial } from './echo.ts';
import { startEcho, targetAt, targetTls } from './echo.ts';
import type { Subject } from './subject.ts';
import { subjectOf } from './subject.ts';

/** nginx with one worker, which is the only process; large answers do not go through files. */
export async function nginxSubject(bench: Bench, upstream: EchoSpecial = {}): Promise<Subject> {
  return proxySubject(bench, upstream, async (directory, port, upstreamPort) => {
    const { classical } = bench.certificates;
    const file = join(directory, 'nginx.conf');
    await writeFile(file, nginxConfig(classical, port, upstreamPort));
    return { command: command('nginx'), args: ['-p', directory, '-e', 'stderr', '-c', file] };
  });
}

/** haproxy with one thread. */
export async function haproxySubject(bench: Bench): Promise<Subject> {
  return proxySubject(bench, {}, async (directory, port, upstreamPort) => {
    const { caFile, certFile, keyFile } = bench.certificates.classical;
    const file = join(directory, 'haproxy.cfg');
    const pemFile = join(directory, 'server.pem');
    const pem = (await readFile(certFile, 'utf8')) + (await readFile(keyFile, 'utf8'));
    await writeFile(pemFile, pem, { mode: 0o600 });
    await writeFile(file, haproxyConfig({ pemFile, caFile }, port, upstreamPort));
    return { command: command('haproxy'), args: ['-db', '-f', file] };
  });
}

/** Why a proxy cannot be measured, `null` when it can. */
export function missing(name: 'nginx' | 'haproxy'): string | null {
  return findCommand(name) === null ? `${name} is not installed` : null;
}

async function proxySubject(
  bench: Bench,
  special: EchoSpecial,
  configure: (
    directory: string,
    port: number,
    upstreamPort: number,
  ) => Promise<{ readonly command: string; readonly args: readonly string[] }>,
): Promise<Subject> {
  const upstream = await startEcho(bench, 'classical', special);
  const directory = await mkdtemp(join(bench.directory, 'proxy-'));
  const port = await freePort();
  const { command: program, args } = await configure(directory, port, upstream.port);
  const child = start(program, args, { core: bench.cores.subject, cwd: directory });
  const target = targetAt(port, targetTls(bench, 'classical'));
  return subjectOf({ child, upstream: upstream.child, target });
}

function command(name: string): string {
  return findCommand(name) ?? name;
}

function nginxConfig(
  files: { readonly caFile: string; readonly certFile: string; readonly keyFile: string },
  port: number,
  upstreamPort: number,
): string {
  return `
daemon off;
master_process off;
worker_processes 1;
pid nginx.pid;
error_log stderr error;
events { worker_connections 4096; }
http {
  access_log off;
  client_body_temp_path body; proxy_temp_path proxy; fastcgi_temp_path fastcgi;
  uwsgi_temp_path uwsgi; scgi_temp_path scgi;
  keepalive_requests 1000000000;
  keepalive_timeout 600s;
  upstream echo { server 127.0.0.1:${upstreamPort}; keepalive 256; keepalive_requests 1000000000; }
  server {
    listen 127.0.0.1:${port} ssl;
    ssl_certificate ${files.certFile};
    ssl_certificate_key ${files.keyFile};
    ssl_protocols TLSv1.3;
    ssl_ecdh_curve X25519;
    location / {
      proxy_pass https://echo;
      proxy_http_version 1.1;
      proxy_set_header Connection "";
      proxy_max_temp_file_size 0;
      proxy_ssl_protocols TLSv1.3;
      proxy_ssl_verify on;
      proxy_ssl_trusted_certificate ${files.caFile};
      proxy_ssl_name localhost;
      proxy_ssl_server_name on;
    }
  }
}
`;
}

function haproxyConfig(
  files: { readonly pemFile: string; readonly caFile: string },
  port: number,
  upstreamPort: number,
): string {
  return `
global
  nbthread 1
  maxconn 4096
  ssl-default-bind-options ssl-min-ver TLSv1.3
  ssl-default-server-options ssl-min-ver TLSv1.3
defaults
  mode http
  option http-keep-alive
  http-reuse always
  timeout connect 5s
  timeout client 600s
  timeout server 600s
  timeout http-keep-alive 600s
frontend in
  bind 127.0.0.1:${port} ssl crt ${files.pemFile} curves X25519 alpn http/1.1
  default_backend echo
backend echo
  server echo 127.0.0.1:${upstreamPort} ssl verify required ca-file ${files.caFile} sni str(localhost) verifyhost localhost pool-max-conn 256
`;
}
