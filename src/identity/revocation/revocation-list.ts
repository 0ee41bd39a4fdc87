import type { Stats } from 'node:fs';
import { stat } from 'node:fs/promises';
import type { PeerCertificate } from '#crypto';
import type { EventSink } from '#lib';
import { messageOf, watchFiles } from '#lib';
import { RevocationsInvalid } from '../errors.ts';
import type { RevocationReason } from './reasons.ts';
import { readRevoked, revokedFileOf } from './revoked-file.ts';
import type { RevokedEntry } from './schemas.ts';

/** The revoked certificates as a running gateway knows them: it follows the file. */
export class RevocationList {
  readonly #stateDir: string;
  readonly #events: EventSink;
  #byFingerprint: ReadonlyMap<string, RevocationReason> = new Map();
  #bySerial: ReadonlyMap<string, RevocationReason> = new Map();
  /** Of the file that is in force. */
  #version: string;
  #trouble: string | null = null;
  #endWatch: (() => void) | undefined;
  #looking: Promise<void> | null = null;

  private constructor(stateDir: string, events: EventSink, version: string) {
    this.#stateDir = stateDir;
    this.#events = events;
    this.#version = version;
  }

  /**
   * Reads the list of a state directory.
   *
   * @throws StateFileUnsafe, StorageFailed or RevocationsInvalid: without it nobody can be let in.
   */
  static async open(stateDir: string, events: EventSink): Promise<RevocationList> {
    const list = new RevocationList(stateDir, events, await versionOf(stateDir));
    list.#use(await readRevoked(stateDir));
    return list;
  }

  /** How many certificates are revoked. */
  get size(): number {
    return this.#byFingerprint.size;
  }

  /**
   * Why a peer is refused, by the name of the reason (RFC 5280 §5.3.1); `null` when it is not. A
   * look-up, whatever the length of the list.
   *
   * The serial number counts as well as the fingerprint: an ECDSA signature can be turned into another
   * valid one by anybody, and with it the certificate into one of another fingerprint.
   */
  refusalOf(peer: Pick<PeerCertificate, 'fingerprint256' | 'serialNumber'>): string | null {
    return (
      this.#byFingerprint.get(peer.fingerprint256) ?? this.#bySerial.get(peer.serialNumber) ?? null
    );
  }

  /** Follows the file from now on and calls back when the list has changed. */
  watch(onChange: () => void): void {
    this.#endWatch ??= watchFiles([revokedFileOf(this.#stateDir)], {
      look: () => {
        this.#looking ??= this.#look(onChange).finally(() => {
          this.#looking = null;
        });
      },
    });
  }

  /** Ends the watch; resolves when a look under way is over. */
  async close(): Promise<void> {
    this.#endWatch?.();
    await this.#looking;
  }

  async #look(onChange: () => void): Promise<void> {
    const version = await versionOf(this.#stateDir);
    if (version === this.#version) return;
    try {
      const entries = await readRevoked(this.#stateDir);
      // No command removes the file: who does lets everybody in again.
      if (version === ABSENT && this.size > 0) throw new RevocationsInvalid('the file is gone');
      this.#use(entries);
    } catch (thrown) {
      this.#tellUnreadable(version, messageOf(thrown));
      return;
    }
    this.#version = version;
    this.#trouble = null;
    this.#tell(
      'info',
      'identity.revocations_loaded',
      'the list of revoked certificates has changed',
    );
    onChange();
  }

  /** Once for the same trouble: until it is over, each look finds it again. */
  #tellUnreadable(version: string, error: string): void {
    const trouble = `${version} ${error}`;
    if (trouble === this.#trouble) return;
    this.#trouble = trouble;
    this.#tell('alert', 'identity.revocations_unreadable', UNREADABLE, error);
  }

  #use(entries: readonly RevokedEntry[]): void {
    const own = entries.filter(({ chain }) => chain !== null);
    this.#byFingerprint = new Map(entries.map((entry) => [entry.fingerprint256, entry.reason]));
    this.#bySerial = new Map(own.map((entry) => [entry.serial ?? '', entry.reason]));
  }

  #tell(severity: 'info' | 'alert', name: string, message: string, error?: string): void {
    const fields = { revoked: this.size, ...(error === undefined ? {} : { error }) };
    this.#events({ severity, name, message, fields });
  }
}

const UNREADABLE = 'the list of revoked certificates cannot be read; the last one stays in force';

const ABSENT = 'absent';

/** Changes with every replacement of the file. */
async function versionOf(stateDir: string): Promise<string> {
  const stats: Stats | null = await stat(revokedFileOf(stateDir)).catch(() => null);
  if (stats === null) return ABSENT;
  return [stats.ino, stats.size, stats.mtimeMs, stats.ctimeMs].join();
}
