import type { Rotation } from '#identity';
import { rehearseRotation, retirePreviousRoots, rotate, takeRootsOffline } from '#identity';
import { EXIT } from './exit-codes.ts';
import { print, printJson, style, table } from './output.ts';
import type { StateOptions } from './state-option.ts';
import { stateDirOf } from './state-option.ts';

interface CaOptions extends StateOptions {
  readonly json?: boolean;
}

/** Options of `postern ca rotate`. */
export interface RotateOptions extends CaOptions {
  readonly root?: boolean;
  readonly rootKeys?: string;
  readonly rehearse?: boolean;
}

/** Options of `postern ca retire`. */
export type RetireOptions = CaOptions;

/** Options of `postern ca offline`. */
export interface OfflineOptions extends CaOptions {
  readonly out: string;
}

/** Rotates authorities, or rehearses it. */
export async function rotateAuthorities(options: RotateOptions): Promise<number> {
  const stateDir = await stateDirOf(options);
  const roots = options.root === true;
  const how = { roots, rootKeysDir: options.rootKeys ?? null };
  const onlyRehearsed = options.rehearse === true;
  const rotation = await (onlyRehearsed ? rehearseRotation : rotate)(stateDir, how);
  if (options.json === true) {
    printJson({ rotated: !onlyRehearsed, roots, ...jsonOf(rotation) });
    return EXIT.ok;
  }
  print(`  ${rotation.rehearsed.length} handshakes were rehearsed, and all succeeded:`);
  print(table(rotation.rehearsed.map(({ chain, what }) => [style('green', '✓'), chain, what])));
  print('');
  if (onlyRehearsed) {
    print('  Nothing has changed.');
    return EXIT.ok;
  }
  print(table(endsOf(rotation).map(({ name, not_after: end }) => [name, `until ${end}`])));
  print('');
  print('  Running gateways adopt them now. Certificates that were issued before stay valid.');
  if (roots) print(AFTER_ROOTS);
  return EXIT.ok;
}

/** Ends the trust in former roots. */
export async function retireRoots(options: RetireOptions): Promise<number> {
  const retired = await retirePreviousRoots(await stateDirOf(options));
  if (options.json === true) printJson({ retired });
  else print(`  ${retired} former roots are no longer trusted.`);
  return EXIT.ok;
}

/** Moves the keys of the roots out of the state directory. */
export async function moveRootKeys(options: OfflineOptions): Promise<number> {
  const files = await takeRootsOffline(await stateDirOf(options), options.out);
  if (options.json === true) {
    printJson({ files });
    return EXIT.ok;
  }
  print('  The keys of the roots were moved; there is no other copy:');
  print(table(files.map((file) => [file])));
  print('');
  print(
    '  Keep them safe, and twice. `postern ca rotate --root-keys <directory>` needs them yearly.',
  );
  return EXIT.ok;
}

const AFTER_ROOTS = `
  Give every client the new ca.crt. The roots before stay trusted until \`postern ca retire\`.
  The keys of the new roots are in the state directory; \`postern ca offline\` moves them.`;

function jsonOf(rotation: Rotation): object {
  return { rehearsed: rotation.rehearsed, authorities: endsOf(rotation) };
}

function endsOf({ authorities }: Rotation): readonly { name: string; not_after: string }[] {
  return authorities.chains.flatMap(({ root, issuing }) =>
    [root.certificate, issuing.certificate].map((certificate) => ({
      name: /CN=(.*)/.exec(certificate.subject)?.[1] ?? certificate.subject,
      not_after: certificate.validToDate.toISOString(),
    })),
  );
}
