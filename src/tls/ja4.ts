import { hash } from 'node:crypto';
import { EXTENSION } from './client-hello/extension-types.ts';
import type { ClientHello } from './client-hello/hello.ts';

const { serverName: SERVER_NAME, alpn: ALPN } = EXTENSION;

/** What stands for a list without entries, instead of the digest of nothing. */
const NO_ENTRIES = '000000000000';

const VERSIONS: ReadonlyMap<number, string> = new Map([
  [0x0304, '13'],
  [0x0303, '12'],
  [0x0302, '11'],
  [0x0301, '10'],
  [0x0300, 's3'],
  [0x0002, 's2'],
  [0xfeff, 'd1'],
  [0xfefd, 'd2'],
  [0xfefc, 'd3'],
]);

/**
 * JA4 fingerprint of a TLS client over TCP, such as `t13d1516h2_8daaf6152771_e5627efa2ab1`: the same
 * for all connections of one program in one configuration, however it shuffles its hello. It tells
 * programs apart, it proves nothing: anyone can send the hello of another.
 *
 * Follows FoxIO's `technical_details/JA4.md`. JA4 itself is under the BSD 3-Clause licence, unlike
 * the other methods of JA4+.
 */
export function ja4(hello: ClientHello): string {
  return `${summary(hello)}_${digest(sortedHex(hello.cipherSuites))}_${extensionDigest(hello)}`;
}

/** Transport, version, SNI, number of cipher suites and extensions, first protocol. */
function summary(hello: ClientHello): string {
  const version = VERSIONS.get(Math.max(...hello.supportedVersions)) ?? '00';
  const destination = hello.extensions.includes(SERVER_NAME) ? 'd' : 'i';
  const counts = twoDigits(hello.cipherSuites.length) + twoDigits(hello.extensions.length);
  return `t${version}${destination}${counts}${protocolLetters(hello.alpn[0] ?? '')}`;
}

function twoDigits(count: number): string {
  return String(Math.min(count, 99)).padStart(2, '0');
}

/** First and last character of a name; of its hex, if one of them is no ASCII letter or digit. */
function protocolLetters(name: string): string {
  if (name === '') return '00';
  const ends = name.charAt(0) + name.charAt(name.length - 1);
  if (/^[0-9A-Za-z]{2}$/.test(ends)) return ends;
  const hex = Buffer.from(name, 'latin1').toString('hex');
  return hex.charAt(0) + hex.charAt(hex.length - 1);
}

/** SNI and ALPN are left out, so that this part stays the same for every destination. */
function extensionDigest(hello: ClientHello): string {
  const extensions = hello.extensions.filter((type) => type !== SERVER_NAME && type !== ALPN);
  const signatures = hello.signatureAlgorithms.map(hex4);
  const list = sortedHex(extensions);
  return digest(signatures.length === 0 ? list : `${list}_${signatures.join()}`);
}

function sortedHex(values: readonly number[]): string {
  return values
    .toSorted((a, b) => a - b)
    .map(hex4)
    .join();
}

function hex4(value: number): string {
  return value.toString(16).padStart(4, '0');
}

function digest(list: string): string {
  return list === '' ? NO_ENTRIES : hash('sha256', list, 'hex').slice(0, 12);
}
