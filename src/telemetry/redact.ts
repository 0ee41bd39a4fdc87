/**
 * Keeps secrets out of the log, whatever an event’s fields hold, and bounds what one event can
 * cost. A safety net: events should carry no secrets in the first place.
 */
const MAX_DEPTH = 6;
const MAX_VALUES = 256;
const MAX_TEXT_CHARS = 4096;
const REDACTED = '[redacted]';

/** Parts of key names, letters and digits in lower case: `Mcp-Session-Id` is `mcpsessionid`. */
const SECRET_KEYS = [
  'authorization',
  'cookie',
  'token',
  'password',
  'passwd',
  'passphrase',
  'secret',
  'apikey',
  'privatekey',
  'credential',
  'sessionid',
];

const PRIVATE_KEY =
  /-----BEGIN [A-Z0-9 ]{0,40}PRIVATE KEY-----[^]*?(?:-----END [A-Z0-9 ]{0,60}-----|$)/g;
const AUTH_SCHEME = /\b(Bearer|Basic|DPoP)\s{1,4}[\w.~+/=-]{6,}/gi;
/** The rest of the line: these headers hold several words. */
const SECRET_HEADER =
  /\b((?:proxy-)?authorization|(?:set-)?cookie)(["']?\s{0,4}[:=]\s{0,4})[^\r\n]+/gi;
const SECRET_PAIR =
  /(token|password|passwd|passphrase|secret|api[_-]?key|private[_-]?key|credentials?|session[_-]?id)(["']?\s{0,4}[:=]\s{0,4}["']?)[^\s"',;&}]+/gi;

/** Values that JSON can say; the fields of an event when it is written. */
type Fields = Record<string, unknown>;

/** Makes copies of fields in which secrets are replaced and sizes are bounded. */
export interface Redactor {
  fields(fields: Readonly<Record<string, unknown>>): Fields;
  text(text: string): string;
}

/**
 * A redactor that hides the value of each key that looks like a secret's, or contains one of
 * `moreKeys` (compared without regard to case and punctuation).
 */
export function createRedactor(moreKeys: readonly string[]): Redactor {
  const secretKeys = [...SECRET_KEYS, ...moreKeys.map(plain)];
  const isSecret = (key: string) => {
    const name = plain(key);
    return secretKeys.some((part) => name.includes(part));
  };
  return {
    fields: (fields) => new Copy(isSecret).object(fields, 0),
    text: redactText,
  };
}

/** One event's copy: counts its values, so that a wide or deep object costs no more than another. */
class Copy {
  readonly #isSecret: (key: string) => boolean;
  #left = MAX_VALUES;

  constructor(isSecret: (key: string) => boolean) {
    this.#isSecret = isSecret;
  }

  object(value: object, depth: number): Fields {
    // No prototype: a key `__proto__` is a key like any other.
    const copy = Object.create(null) as Fields;
    for (const [key, item] of Object.entries(value)) {
      if (this.#left <= 0) {
        copy['…'] = 'more';
        break;
      }
      const secret = item !== null && item !== undefined && this.#isSecret(key);
      const copied = secret ? REDACTED : this.#value(item, depth + 1);
      if (copied !== undefined) copy[cut(redactText(key), 256)] = copied;
    }
    return copy;
  }

  #value(value: unknown, depth: number): unknown {
    this.#left -= 1;
    switch (typeof value) {
      case 'string':
        return redactText(value);
      case 'number':
      case 'boolean':
        return value;
      case 'bigint':
        return String(value);
      case 'object':
        return value === null ? null : this.#structure(value, depth);
      default:
        return undefined;
    }
  }

  #structure(value: object, depth: number): unknown {
    if (depth > MAX_DEPTH) return '[too deep]';
    if (ArrayBuffer.isView(value)) return `[${value.byteLength} bytes]`;
    if (value instanceof Date) return Number.isNaN(value.getTime()) ? null : value.toISOString();
    if (value instanceof Error) {
      const { name, message, stack, cause } = value;
      return this.object({ name, message, stack, cause }, depth);
    }
    return Array.isArray(value) ? this.#array(value, depth) : this.object(value, depth);
  }

  #array(value: readonly unknown[], depth: number): unknown[] {
    const copy: unknown[] = [];
    for (const item of value) {
      if (this.#left <= 0) {
        copy.push('… more');
        break;
      }
      copy.push(this.#value(item, depth + 1) ?? null);
    }
    return copy;
  }
}

function redactText(text: string): string {
  // Cut first, so that the patterns below have little to search.
  return cut(text, MAX_TEXT_CHARS)
    .replace(PRIVATE_KEY, '[redacted private key]')
    .replace(AUTH_SCHEME, `$1 ${REDACTED}`)
    .replace(SECRET_HEADER, `$1$2${REDACTED}`)
    .replace(SECRET_PAIR, `$1$2${REDACTED}`);
}

function cut(text: string, length: number): string {
  if (text.length <= length) return text;
  return `${text.slice(0, length).toWellFormed()}… (${text.length - length} more)`;
}

function plain(key: string): string {
  return key.toLowerCase().replace(/[^a-z0-9]/g, '');
}
