import { readdirSync } from 'node:fs';

/**
 * What every program may see: programs and libraries, which everybody can install anyway, and of /etc
 * what they read to run. Not the rest of /etc, where services keep their keys, and nothing of /home,
 * /root, /run, /srv, /var and other disks.
 */
const PATHS = [
  '/bin',
  '/gnu/store',
  '/lib',
  '/lib32',
  '/lib64',
  '/libx32',
  '/nix/store',
  '/run/current-system',
  '/sbin',
  '/usr',
  '/etc/alternatives',
  '/etc/crypto-policies',
  '/etc/fonts',
  '/etc/gai.conf',
  '/etc/group',
  '/etc/host.conf',
  '/etc/hosts',
  '/etc/ld.so.cache',
  '/etc/ld.so.conf',
  '/etc/ld.so.conf.d',
  '/etc/locale.alias',
  '/etc/locale.conf',
  '/etc/localtime',
  '/etc/magic',
  '/etc/mime.types',
  '/etc/nsswitch.conf',
  '/etc/os-release',
  '/etc/passwd',
  '/etc/pki/ca-trust/extracted',
  '/etc/pki/tls/cert.pem',
  '/etc/pki/tls/certs',
  '/etc/pki/tls/openssl.cnf',
  '/etc/protocols',
  '/etc/services',
  '/etc/ssl/cert.pem',
  '/etc/ssl/certs',
  '/etc/ssl/openssl.cnf',
  '/etc/terminfo',
  '/etc/timezone',
];

/** Interpreters whose configuration has their version in its name, such as java-17-openjdk. */
const VERSIONED = /^(?:java|python\d)[\w.-]*$/;

/** The paths of the system that any program needs; not each exists everywhere. */
export function systemPaths(): readonly string[] {
  const versioned = readdirSync('/etc').filter((name) => VERSIONED.test(name));
  return [...PATHS, ...versioned.map((name) => `/etc/${name}`)];
}
