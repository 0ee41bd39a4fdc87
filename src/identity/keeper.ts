import type { EventSink } from '#lib';
import { messageOf } from '#lib';
import type { GatewayIdentity, WantedIdentity } from './identity.ts';
import { ensureIdentity } from './identity.ts';

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

/** Renews the gateway's certificates, with new keys, before they end. */
export class IdentityKeeper {
  readonly #options: KeeperOptions;
  #notAfterMs: number;
  #dueAtMs: number;
  #timer: NodeJS.Timeout | undefined;
  #renewing: Promise<void> | null = null;

  /** @param current is in force already */
  constructor(current: GatewayIdentity, options: KeeperOptions) {
    this.#options = options;
    this.#notAfterMs = current.notAfterMs;
    this.#dueAtMs = dueAt(current.notAfterMs);
  }

  /** When the certificates in force end, in milliseconds since the epoch. */
  get notAfterMs(): number {
    return this.#notAfterMs;
  }

  start(): void {
    const lookMs = Math.min(this.#options.wanted.lifetimeMs / LOOKS_PER_LIFETIME, MAX_LOOK_MS);
    this.#timer = setInterval(() => {
      if (Date.now() >= this.#dueAtMs) void this.renew();
    }, lookMs).unref();
  }

  /** Ends the watch; resolves when a renewal under way is over. */
  async stop(): Promise<void> {
    clearInterval(this.#timer);
    await this.#renewing;
  }

  /** Renews now. Never throws: a failure is alerted, and tried again at the next look when due. */
  renew(): Promise<void> {
    this.#renewing ??= this.#renew().finally(() => {
      this.#renewing = null;
    });
    return this.#renewing;
  }

  async #renew(): Promise<void> {
    const { stateDir, wanted, apply, events } = this.#options;
    try {
      const identity = await ensureIdentity(stateDir, wanted);
      await apply(identity);
      this.#notAfterMs = identity.notAfterMs;
      this.#dueAtMs = dueAt(identity.notAfterMs);
      events({
        severity: 'info',
        name: 'identity.renewed',
        message: 'the gateway’s certificates were renewed, with new keys',
        fields: { not_after: new Date(identity.notAfterMs).toISOString() },
      });
    } catch (thrown) {
      events({
        severity: 'alert',
        name: 'identity.renewal_failed',
        message: 'the gateway’s certificates could not be renewed; trying again',
        fields: {
          error: messageOf(thrown),
          not_after: new Date(this.#notAfterMs).toISOString(),
        },
      });
    }
  }
}

/** When to renew what was made just now. */
function dueAt(notAfterMs: number): number {
  const nowMs = Date.now();
  return nowMs + (notAfterMs - nowMs) * (DUE_AFTER - JITTER * Math.random());
}
