import { basename, extname } from 'node:path';
import { allProfiles } from '#crypto';
import type { Pkcs12Content } from '#identity';
import { openPkcs12, writeCredential } from '#identity';
import { messageOf, readSmallFile } from '#lib';
import { visible } from '#telemetry';
import { UsageError } from './errors.ts';
import { EXIT } from './exit-codes.ts';
import { print, printJson, style, table } from './output.ts';
import { readSecretLine } from './secret-line.ts';

/** Options of `postern cert import`. */
export interface ImportOptions {
  readonly passphraseFile?: string;
  readonly out: string;
  readonly name?: string;
  readonly json?: boolean;
}

/** A key and a chain of ten certificates with the largest signatures have less than 200 KB. */
const MAX_CONTAINER_BYTES = 1024 * 1024;

/** Turns a PKCS#12 container into the PEM files that postern.yaml takes, and tells what they are. */
export async function importCertificate(file: string, options: ImportOptions): Promise<number> {
  const name = nameOf(file, options);
  const container = await readSmallFile(file, MAX_CONTAINER_BYTES).catch((cause: unknown) => {
    throw new UsageError(messageOf(cause), {
      cause,
      hint: 'Check the path, and that this user may read the file.',
    });
  });
  const { passphraseFile } = options;
  const passphrase = passphraseFile === undefined ? '' : await readSecretLine(passphraseFile);
  const content = await openPkcs12(container, passphrase);
  const files = await writeCredential(options.out, name, content);
  const facts = factsOf(content);
  if (options.json === true) {
    printJson({ ...facts, certificate: files.certificateFile, key: files.keyFile });
    return EXIT.ok;
  }
  print(
    table([
      ['subject', style('bold', visible(facts.subject))],
      ['names', visible(facts.names.join(', ')) || 'none'],
      ['signs with', `${facts.signature_algorithm}, allowed by profiles ${list(facts.profiles)}`],
      ['ends', facts.not_after],
      ['authorities', visible(facts.authorities.join(' ← ')) || 'none'],
      ['certificate', files.certificateFile],
      ['key', files.keyFile],
    ]),
  );
  if (!facts.complete) print(INCOMPLETE);
  print(howToUse(files.certificateFile, files.keyFile));
  return EXIT.ok;
}

interface Facts {
  readonly subject: string;
  readonly names: readonly string[];
  readonly signature_algorithm: string;
  /** Built-in profiles with which a listener can show it. */
  readonly profiles: readonly string[];
  readonly not_after: string;
  /** Subjects, upwards. */
  readonly authorities: readonly string[];
  /** Whether the chain reaches a root. */
  readonly complete: boolean;
}

function factsOf({ leaf, authorities, scheme }: Pkcs12Content): Facts {
  const last = authorities.at(-1) ?? leaf;
  return {
    subject: oneLine(leaf.subject),
    names: leaf.subjectAltName?.split(', ') ?? [],
    signature_algorithm: scheme.name,
    profiles: allProfiles()
      .filter(({ signatures }) => signatures.includes(scheme))
      .map((profile) => profile.name),
    not_after: leaf.validToDate.toISOString(),
    authorities: authorities.map(({ subject }) => oneLine(subject)),
    complete: last.checkIssued(last),
  };
}

const INCOMPLETE = `
  The container has not all authorities up to a root. Peers that know the root alone refuse the
  certificate, unless you add the missing ones to the end of the .crt file.`;

/** JSON's strings are YAML's, whatever is in a path. */
function howToUse(certificateFile: string, keyFile: string): string {
  const [certificate, key] = [JSON.stringify(certificateFile), JSON.stringify(keyFile)];
  return `
  In postern.yaml, for clients to see it, in \`tls\` of a listener:
    certificates: [{ certificate: ${certificate}, key: ${key} }]
  or for a server to see it, in \`http.tls\` of that server:
    client_certificate: { certificate: ${certificate}, key: ${key} }`;
}

function nameOf(file: string, { name }: ImportOptions): string {
  const chosen = name ?? basename(file, extname(file));
  const isPlain = /^[^./\\][^/\\]*$/.test(chosen) && visible(chosen) === chosen;
  if (isPlain) return chosen;
  throw new UsageError(`${JSON.stringify(chosen)} is no name for files; give another with --name`);
}

function oneLine(distinguishedName: string | undefined): string {
  return (distinguishedName ?? '').replaceAll('\n', ', ');
}

function list(names: readonly string[]): string {
  return names.join(', ') || 'of your own alone';
}
