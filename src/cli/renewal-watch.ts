import type { X509Certificate } from 'node:crypto';
import { setTimeout as delay } from 'node:timers/promises';
import { messageOf } from '#lib';
import { ClientCertificateExpired } from './errors.ts';

/** What is watched, and what to do when it is due. */
export interface WatchedRenewal {
  /** The certificate as its file has it now: others may renew it too. */
  readonly leaf: () => Promise<X509Certificate>;
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
 * @throws ClientCertificateExpired: then no renewal can succeed.
 */
export async function watchRenewal(watched: WatchedRenewal): Promise<void> {
  const stop = new AbortController();
  const onSignal = (): void => stop.abort();
  process.once('SIGTERM', onSignal).once('SIGINT', onSignal);
  try {
    await watch(watched, stop.signal);
  } finally {
    process.off('SIGTERM', onSignal).off('SIGINT', onSignal);
  }
}

async function watch({ leaf, renew }: WatchedRenewal, stop: AbortSignal): Promise<void> {
  const chance = Math.random();
  let failures = 0;
  let told: number | null = null;
  while (!stop.aborted) {
    let pauseMs = LOOK_MS;
    try {
      const current = await leaf();
      refuseExpired(current);
      const dueMs = dueAt(current, chance);
      if (Date.now() >= dueMs) {
        tell(`renewed, until ${new Date(await renew()).toISOString()}`);
        pauseMs = 0;
      } else if (dueMs !== told) {
        tell(`due on ${new Date(dueMs).toISOString()}`);
        told = dueMs;
      }
      failures = 0;
    } catch (thrown) {
      if (thrown instanceof ClientCertificateExpired) throw thrown;
      pauseMs = Math.min(RETRY_MS * 2 ** failures, MAX_RETRY_MS);
      failures += 1;
      tell(`failed, trying again in ${pauseMs / 1000} s: ${messageOf(thrown)}`);
    }
    await delay(pauseMs, undefined, { signal: stop }).catch(() => undefined);
  }
}

/** @throws ClientCertificateExpired */
export function refuseExpired({ validToDate }: X509Certificate): void {
  if (Date.now() < validToDate.getTime()) return;
  throw new ClientCertificateExpired(`the certificate expired on ${validToDate.toISOString()}`);
}

function dueAt({ validFromDate, validToDate }: X509Certificate, chance: number): number {
  const [from, to] = [validFromDate.getTime(), validToDate.getTime()];
  return Math.round(from + (to - from) * (DUE_AFTER - JITTER * chance));
}

function tell(what: string): void {
  process.stderr.write(`${new Date().toISOString()} certificate ${what}\n`);
}
