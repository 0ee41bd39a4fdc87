import { hash, randomBytes } from 'node:crypto';
import { join } from 'node:path';
import type { Sealer } from '#crypto';
import { createSealer, SEALING_KEY_BYTES } from '#crypto';
import type { EventSink } from '#lib';
import { Kept, messageOf, watchFiles } from '#lib';
import { IdentityDamaged, SealingKeysUnusable } from './errors.ts';
import { PRIVATE_MODE, readIdentityFile, replaceFile } from './files.ts';
import { withStateLock } from './lock.ts';
import type { SealingKey } from './sealing-file.ts';
import { formatSealingKeys, parseSealingKeys, wipeKeys } from './sealing-file.ts';
import { exists } from './state-dir.ts';

/** What {@link SealingKeys.open} needs. */
export interface SealingKeysOptions {
  readonly stateDir: string;
  /** A file that several gateways share, `null` for keys of the state directory's own. */
  readonly sharedFile: string | null;
  /** Age in milliseconds at which a key of its own seals nothing more. */
  readonly maxAgeMs: number;
  /** For how many milliseconds a replaced key still opens what it sealed. */
  readonly keepMs: number;
  readonly events: EventSink;
}

/**
 * The keys with which a gateway seals what it hands to clients and wants back unchanged. Its own are
 * made on first use and replaced by age; those of a shared file are their operator's to change.
 */
export class SealingKeys {
  /** Whether other gateways have the keys too. */
  readonly shared: boolean;
  readonly #path: string;
  readonly #options: SealingKeysOptions;
  readonly #kept: Kept<Sealer>;
  #endWatch: (() => void) | undefined;

  private constructor(options: SealingKeysOptions) {
    this.#options = options;
    this.shared = options.sharedFile !== null;
    this.#path = options.sharedFile ?? sealingFileOf(options.stateDir);
    this.#kept = new Kept({
      read: () => this.#read(),
      onChange: () => this.#tell('info', 'sealing.keys_changed', 'the sealing keys have changed'),
      onTrouble: (thrown) => this.#tellTrouble(thrown),
    });
  }

  /** @throws SealingKeysUnusable, StateFileUnsafe, StorageFailed, StateBusy. */
  static async open(options: SealingKeysOptions): Promise<SealingKeys> {
    const keys = new SealingKeys(options);
    await keys.#kept.start();
    return keys;
  }

  /** Seals with the newest key and opens with every one; another one when they change. */
  get sealer(): Sealer {
    if (this.#kept.value === null) throw new Error('the sealing keys were never read');
    return this.#kept.value;
  }

  /** Follows changes of the file, and replaces keys of its own by age. */
  watch(): void {
    this.#endWatch = watchFiles([this.#path], { look: () => void this.#kept.refresh() });
  }

  async close(): Promise<void> {
    this.#endWatch?.();
    await this.#kept.settled();
  }

  async #read() {
    if (!this.shared) await this.#renewOwn();
    const text = await readText(this.#path);
    return { mark: hash('sha256', text), make: () => sealerOf(parseSealingKeys(text, this.#path)) };
  }

  async #renewOwn(): Promise<void> {
    const { stateDir, maxAgeMs, keepMs } = this.#options;
    if (!(await isDue(this.#path, maxAgeMs))) return;
    await withStateLock(stateDir, async () => {
      // Whoever waited for the lock may find it done.
      if (!(await isDue(this.#path, maxAgeMs))) return;
      const keys = successors(await readKeys(this.#path), keepMs, Date.now());
      try {
        await replaceFile(this.#path, formatSealingKeys(keys), PRIVATE_MODE);
      } finally {
        wipeKeys(keys);
      }
    });
  }

  #tellTrouble(thrown: unknown): void {
    const message = 'the sealing keys cannot be read or replaced: those of before stay in force';
    this.#tell('alert', 'sealing.keys_unusable', message, { why: messageOf(thrown) });
  }

  #tell(severity: 'info' | 'alert', name: string, message: string, fields: object = {}): void {
    this.#options.events({ severity, name, message, fields: { ...fields, file: this.#path } });
  }
}

/**
 * What there is to seal with, as one sentence.
 *
 * @throws SealingKeysUnusable, StateFileUnsafe, StorageFailed.
 */
export async function describeSealingKeys(
  stateDir: string,
  sharedFile: string | null,
): Promise<string> {
  const path = sharedFile ?? sealingFileOf(stateDir);
  if (sharedFile === null && !(await exists(path))) return `${path} will be made at the next start`;
  const keys = parseSealingKeys(await readText(path), path);
  wipeKeys(keys);
  return `${path}, ${keys.length} to open with`;
}

function sealingFileOf(stateDir: string): string {
  return join(stateDir, 'sealing.keys');
}

async function readText(path: string): Promise<string> {
  try {
    return await readIdentityFile(path, 'private');
  } catch (cause) {
    if (!(cause instanceof IdentityDamaged)) throw cause;
    throw new SealingKeysUnusable(messageOf(cause), { cause, details: { path } });
  }
}

async function readKeys(path: string): Promise<readonly SealingKey[]> {
  return (await exists(path)) ? parseSealingKeys(await readText(path), path) : [];
}

async function isDue(path: string, maxAgeMs: number): Promise<boolean> {
  const keys = await readKeys(path);
  wipeKeys(keys);
  const madeAtMs = keys[0]?.madeAtMs ?? -Infinity;
  return madeAtMs + maxAgeMs <= Date.now();
}

/** A new key, and those of before that may still have to open something. */
function successors(
  before: readonly SealingKey[],
  keepMs: number,
  nowMs: number,
): readonly SealingKey[] {
  const made = { key: randomBytes(SEALING_KEY_BYTES), madeAtMs: nowMs };
  const [newest, ...older] = before;
  if (newest === undefined) return [made];
  // The newest one of before sealed until now, each other until its successor was made.
  const kept = older.filter((_, index) => (before[index]?.madeAtMs ?? nowMs) + keepMs > nowMs);
  return [made, newest, ...kept];
}

function sealerOf(keys: readonly SealingKey[]): Sealer {
  try {
    return createSealer(keys.map(({ key }) => key));
  } finally {
    wipeKeys(keys);
  }
}
