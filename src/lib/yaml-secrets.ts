/**
 * Keeps secrets of configuration files out of messages, tables and logs.
 *
 * Secret is: whatever stands under `env` or `headers`, under a key that reads like a secret's, and
 * the credentials that people put into URLs. When in doubt it is masked.
 */

/** Stands where a secret was. */
export const REDACTED = '•••';

const SECRET_KEY =
  /secret|passw|passphrase|private[-_]?key|api[-_]?key|(?:token|credentials?|authorization|cookie)$/i;
const SECRET_MAP = /^(?:env|headers)$/i;
/** Characters of a line that are looked at; the rest of it is never shown. */
export const MAX_LINE = 1000;
/** A key with its colon, as it may stand in block or flow style. */
const KEY = /(["']?)([A-Za-z_][\w.-]*)\1[ \t]*:(?=[\s"'{[]|$)/g;

/** Whether the value at this path is to be masked. */
export function isSecretPath(path: readonly PropertyKey[]): boolean {
  return path.some((key) => looksSecret(String(key)) || SECRET_MAP.test(String(key)));
}

/** Whether a name (of a key, a flag, a variable) reads like that of a secret. */
export function looksSecret(name: string): boolean {
  return SECRET_KEY.test(name);
}

/**
 * The text with user names, passwords and query values of its URLs masked.
 *
 * @param mask Makes what stands instead of a secret.
 */
export function maskUrls(text: string, mask: (secret: string) => string = () => REDACTED): string {
  return text
    .replaceAll(/(?<=:\/\/)[^\s/?#@]+(?=@)/g, mask)
    .replaceAll(/(?<=[?&][^\s=&#?]{1,64}=)[^\s&#"']+/g, mask);
}

/**
 * One line of a file as it may be shown: masked from the first secret on. It works on lines, not on
 * the parsed file, because it has to serve files that do not parse.
 *
 * @param index Zero-based.
 */
export function maskLine(lines: readonly string[], index: number): string {
  const line = start(lines, index);
  const from = Math.min(secretColumn(line), inheritedColumn(lines, index));
  if (from >= line.length) return maskUrls(line, dots);
  return maskUrls(line.slice(0, from), dots) + REDACTED;
}

function start(lines: readonly string[], index: number): string {
  return (lines[index] ?? '').slice(0, MAX_LINE);
}

/** At equal length, so that a caret below the line keeps its place. */
function dots(secret: string): string {
  return '•'.repeat(secret.length);
}

/** Index in the line at which a secret value starts, or Infinity. */
function secretColumn(line: string): number {
  for (const match of line.matchAll(KEY)) {
    const key = match[2] ?? '';
    if (!looksSecret(key) && !SECRET_MAP.test(key)) continue;
    return skipBlanks(line, match.index + match[0].length);
  }
  return Infinity;
}

/** The same for a line that continues the secret of a line above it. */
function inheritedColumn(lines: readonly string[], index: number): number {
  const subject = start(lines, index);
  let indent = indentOf(subject);
  for (let above = index - 1; above >= 0 && indent > 0; above -= 1) {
    const line = start(lines, above);
    if (line.trim() === '' || indentOf(line) >= indent) continue;
    indent = indentOf(line);
    for (const match of line.matchAll(KEY)) {
      const key = match[2] ?? '';
      if (SECRET_MAP.test(key)) return valueColumn(subject);
      if (looksSecret(key)) return indentOf(subject);
    }
  }
  return Infinity;
}

/** Where the value of a `key: value` line starts; its first character when it has no key. */
function valueColumn(line: string): number {
  const [match] = line.matchAll(KEY);
  return match === undefined ? indentOf(line) : skipBlanks(line, match.index + match[0].length);
}

function skipBlanks(line: string, index: number): number {
  let next = index;
  while (line[next] === ' ' || line[next] === '\t') next += 1;
  return next;
}

function indentOf(line: string): number {
  return line.length - line.trimStart().length;
}
