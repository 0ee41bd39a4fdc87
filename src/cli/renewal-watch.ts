import type { X509Certificate } from 'node:crypto';
import { setTimeout as delay } from 'node:timers/promises';
import { messageOf } from '#lib';
import { ClientCertificateExpired } from './errors.ts';

type Validity = Pick<X509Certificate, 'validFromDate' | 'validToDate'>;

/** What is watched, and what to do when it is due. */
export interface WatchedRenewal {
  /** The certificate as its file has it now: others may renew it too. */
  readonly leaf: () => Promise<Validity>;
  /** Renews it. @returns when the new one ends, in milliseconds since the epoch. */
  readonly renew: () => Promise<number>;
}

/** Renewal is due after this part of a lifetime, so that there is time for many attempts. */
const DUE_AFTER = 2 / 3;
/** Up to this part of a lifetime earlier, so that a fleet does not renew at once. */
const JITTER = 0.1;
/** How often the clock is looked at: it may be set, and the machine may sleep. */
const LOOK_MS = 60_000;
/** The pause after a failure, which doubles with each further one up to the longest. */
const RETRY_MS = 5000;
const MAX_RETRY_MS = 60 * 60_000;

/**
 * Renews a certificate whenever it is due, until SIGTERM or SIGINT; a second signal ends the process
 * at once. Tells on standard error what it did.
 *
 * @throws ClientCertificateExpired, since no renewal can succeed then, and whatever the first look at
 *   the certificate throws.
 */
export async function watchRenewal(watched: WatchedRenewal): Promise<void> {
  const stop = new AbortController();
  const onSignal = (): void => stop.abort();
  process.once('SIGTERM', onSignal).once('SIGINT', onSignal);
  try {
    // Wrong files are told at once; later ones may be mended.
    await watched.leaf();
    const watch = new RenewalWatch(watched);
    while (!stop.signal.aborted) {
      const pauseMs = await watch.look();
      await delay(pauseMs, undefined, { signal: stop.signal }).catch(() => undefined);
    }
  } finally {
    process.off('SIGTERM', onSignal).off('SIGINT', onSignal);
  }
}

/** Decides what to do at each look at a certificate. */
export class RenewalWatch {
  readonly #watched: WatchedRenewal;
  readonly #chance = Math.random();
  #failures = 0;
  #toldDueMs: number | null = null;

  constructor(watched: WatchedRenewal) {
    this.#watched = watched;
  }

  /**
   * Renews the certificate when it is due.
   *
   * @returns when to look again, in milliseconds from now.
   * @throws ClientCertificateExpired
   */
  async look(): Promise<number> {
    try {
      const pauseMs = await this.#renewWhenDue();
      this.#failures = 0;
      return pauseMs;
    } catch (thrown) {
      if (thrown instanceof ClientCertificateExpired) throw thrown;
      const pauseMs = Math.min(RETRY_MS * 2 ** this.#failures, MAX_RETRY_MS);
      this.#failures += 1;
      tell(`failed, trying again in ${pauseMs / 1000} s: ${messageOf(thrown)}`);
      return pauseMs;
    }
  }

  async #renewWhenDue(): Promise<number> {
    const current = await this.#watched.leaf();
    refuseExpired(current);
    const dueMs = dueAt(current, this.#chance);
    if (Date.now() >= dueMs) {
      tell(`renewed, until ${new Date(await this.#watched.renew()).toISOString()}`);
      return 0;
    }
    if (dueMs !== this.#toldDueMs) tell(`due on ${new Date(dueMs).toISOString()}`);
    this.#toldDueMs = dueMs;
    return LOOK_MS;
  }
}

/** @throws ClientCertificateExpired */
export function refuseExpired({ validToDate }: Pick<Validity, 'validToDate'>): void {
  if (Date.now() < validToDate.getTime()) return;
  throw new ClientCertificateExpired(`the certificate expired on ${validToDate.toISOString()}`);
}

function dueAt({ validFromDate, validToDate }: Validity, chance: number): number {
  const [from, to] = [validFromDate.getTime(), validToDate.getTime()];
  return Math.round(from + (to - from) * (DUE_AFTER - JITTER * chance));
}

function tell(what: string): void {
  process.stderr.write(`${new Date().toISOString()} certificate ${what}\n`);
}
