import { join } from 'node:path';
import type { EventSink } from '#lib';
import { messageOf, watchFiles } from '#lib';
import { readCurrent } from './generations.ts';
import type { GatewayIdentity, WantedIdentity } from './identity.ts';
import { ensureIdentity } from './identity.ts';
import { CURRENT, identityDirOf } from './layout.ts';
import { Caretaker } from './rotation/caretaker.ts';

/** What an {@link IdentityKeeper} needs. */
export interface KeeperOptions {
  readonly stateDir: string;
  readonly wanted: WantedIdentity;
  readonly events: EventSink;
  /** Puts a renewed identity in force; when it rejects, the one before stays. */
  readonly apply: (identity: GatewayIdentity) => Promise<void>;
}

/** Renewal is due after this part of a lifetime, so that there is time for many attempts. */
const DUE_AFTER = 2 / 3;
/** Up to this part of a lifetime earlier, so that a fleet does not renew at once. */
const JITTER = 0.1;
/** How often to look, and to try again; the clock may be set and the machine may sleep meanwhile. */
const LOOKS_PER_LIFETIME = 20;
const MAX_LOOK_MS = 60_000;

/**
 * Renews the gateway's certificates, with new keys, before they end, and as soon as its authorities
 * have changed; has the authorities seen to.
 */
export class IdentityKeeper {
  readonly #options: KeeperOptions;
  readonly #caretaker: Caretaker;
  #identity: GatewayIdentity;
  #dueAtMs: number;
  #timer: NodeJS.Timeout | undefined;
  #endWatch: (() => void) | undefined;
  #looking: Promise<void> | null = null;
  #renewing: Promise<void> | null = null;
  #stopped = false;

  /** @param current is in force already */
  constructor(current: GatewayIdentity, options: KeeperOptions) {
    this.#options = options;
    this.#caretaker = new Caretaker(
      options.stateDir,
      options.wanted.issuingMaxAgeMs ?? Infinity,
      options.events,
    );
    this.#identity = current;
    this.#dueAtMs = dueAt(current.notAfterMs);
  }

  /** When the certificates in force end, in milliseconds since the epoch. */
  get notAfterMs(): number {
    return this.#identity.notAfterMs;
  }

  /** When they are to be renewed, in milliseconds since the epoch; done at the next look after it. */
  get renewalDueMs(): number {
    return this.#dueAtMs;
  }

  start(): void {
    const { wanted, stateDir } = this.#options;
    const lookMs = Math.min(wanted.lifetimeMs / LOOKS_PER_LIFETIME, MAX_LOOK_MS);
    this.#timer = setInterval(() => this.#look(), lookMs).unref();
    const current = join(identityDirOf(stateDir), CURRENT);
    this.#endWatch = watchFiles([current], { look: () => void this.#adopt() });
    this.#look();
  }

  /** Ends the watch; resolves when what is under way is over. */
  async stop(): Promise<void> {
    this.#stopped = true;
    clearInterval(this.#timer);
    this.#endWatch?.();
    await this.#looking;
    await this.#renewing;
  }

  /** Renews now. Never throws: a failure is alerted, and tried again at the next look when due. */
  renew(): Promise<void> {
    this.#renewing ??= this.#renew().finally(() => {
      this.#renewing = null;
    });
    return this.#renewing;
  }

  #look(): void {
    this.#looking ??= this.#lookAll().finally(() => {
      this.#looking = null;
    });
  }

  async #lookAll(): Promise<void> {
    await this.#caretaker.look(this.#identity);
    if (this.#stopped) return;
    if (this.#isDue()) await this.renew();
    await this.#adopt();
  }

  #isDue(): boolean {
    const nowMs = Date.now();
    const begins = this.#identity.credentials.map(({ leaf }) => leaf.validFromDate.getTime());
    // When the clock was ahead and was set back, nobody accepts the certificates made before.
    return nowMs >= this.#dueAtMs || nowMs < Math.max(...begins);
  }

  /** Renews when the authorities in force are not those of the certificates. */
  async #adopt(): Promise<void> {
    // One under way may have read the authorities before they changed.
    await this.#renewing;
    if (this.#stopped) return;
    const inForce = await readCurrent(identityDirOf(this.#options.stateDir)).catch(() => null);
    if (inForce !== null && inForce !== this.#identity.generation) await this.renew();
  }

  async #renew(): Promise<void> {
    const { stateDir, wanted, apply } = this.#options;
    try {
      const identity = await ensureIdentity(stateDir, wanted);
      await apply(identity);
      const before = this.#identity;
      this.#identity = identity;
      this.#dueAtMs = dueAt(identity.notAfterMs);
      if (identity.generation !== before.generation) this.#tellRotated(before);
      this.#tell(
        'info',
        'identity.renewed',
        'the gateway’s certificates were renewed, with new keys',
      );
    } catch (thrown) {
      const message = 'the gateway’s certificates could not be renewed; trying again';
      this.#tell('alert', 'identity.renewal_failed', message, { error: messageOf(thrown) });
    }
  }

  #tellRotated(before: GatewayIdentity): void {
    const { generation, caPem, rotation } = this.#identity;
    this.#tell(
      'info',
      'identity.rotated',
      'the authorities have changed; the new ones are in force',
      {
        generation,
        // Whose roots changed has to give clients the new ca.crt.
        roots_changed: caPem !== before.caPem,
        root_keys_here: rotation.rootKeysHere,
      },
    );
  }

  #tell(
    severity: 'info' | 'alert',
    name: string,
    message: string,
    fields: Readonly<Record<string, unknown>> = {},
  ): void {
    const not_after = new Date(this.#identity.notAfterMs).toISOString();
    this.#options.events({ severity, name, message, fields: { ...fields, not_after } });
  }
}

/** When to renew what was made just now. */
function dueAt(notAfterMs: number): number {
  const nowMs = Date.now();
  return nowMs + (notAfterMs - nowMs) * (DUE_AFTER - JITTER * Math.random());
}
