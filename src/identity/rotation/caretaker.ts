import type { EventSink } from '#lib';
import { messageOf } from '#lib';
import type { GatewayIdentity } from '../identity.ts';
import { loadIdentity } from '../load-identity.ts';
import { isUpkeepDue } from '../upkeep.ts';
import { Workshop } from '../workshop.ts';

/** Years are left when a rotation falls due, so a day is soon enough to say it, or to try, again. */
const ROTATION_RETRY_MS = 24 * 60 * 60 * 1000;
/** Days are left when a revocation list has to be made anew. */
const UPKEEP_RETRY_MS = 60 * 60 * 1000;

/** Sees to the authorities while a gateway runs: rotates the issuing CAs, and does their upkeep. */
export class Caretaker {
  readonly #stateDir: string;
  readonly #issuingMaxAgeMs: number;
  readonly #events: EventSink;
  #nextRotationMs = 0;
  #nextUpkeepMs = 0;

  constructor(stateDir: string, issuingMaxAgeMs: number, events: EventSink) {
    this.#stateDir = stateDir;
    this.#issuingMaxAgeMs = issuingMaxAgeMs;
    this.#events = events;
  }

  /** Does what is due. Never throws: what fails is alerted and tried again later. */
  async look({ rotation }: GatewayIdentity): Promise<void> {
    const nowMs = Date.now();
    if (nowMs >= Math.min(rotation.issuingMs, rotation.rootsMs) && nowMs >= this.#nextRotationMs) {
      this.#nextRotationMs = nowMs + ROTATION_RETRY_MS;
      if (nowMs >= rotation.rootsMs) this.#tellDue('roots', 'postern ca rotate --root');
      if (nowMs >= rotation.issuingMs) await this.#rotate(rotation.rootKeysHere);
    }
    if (nowMs >= this.#nextUpkeepMs) await this.#upkeep(nowMs);
  }

  async #rotate(rootKeysHere: boolean): Promise<void> {
    if (!rootKeysHere) {
      this.#tellDue('issuing CAs', 'postern ca rotate --root-keys <directory>');
      return;
    }
    try {
      // Whether it was this call that rotated does not matter: what is in force now gets noticed.
      await inWorkshop((workshop) =>
        workshop.rotateIssuingIfDue(this.#stateDir, this.#issuingMaxAgeMs),
      );
    } catch (thrown) {
      this.#alert('identity.rotation_failed', 'the issuing CAs could not be replaced', {
        error: messageOf(thrown),
      });
    }
  }

  async #upkeep(nowMs: number): Promise<void> {
    try {
      const stored = await loadIdentity(this.#stateDir, nowMs);
      if (stored === null || !(await isUpkeepDue(this.#stateDir, stored))) return;
      await inWorkshop((workshop) => workshop.upkeep(this.#stateDir));
    } catch (thrown) {
      this.#nextUpkeepMs = nowMs + UPKEEP_RETRY_MS;
      this.#alert(
        'identity.upkeep_failed',
        'what is derived from the authorities could not be brought up to date; trying again',
        { error: messageOf(thrown) },
      );
    }
  }

  #tellDue(what: string, command: string): void {
    this.#alert('identity.rotation_due', `the ${what} are to be replaced: run \`${command}\``, {
      command,
    });
  }

  #alert(name: string, message: string, fields: Readonly<Record<string, unknown>>): void {
    this.#events({ severity: 'alert', name, message, fields });
  }
}

async function inWorkshop<T>(work: (workshop: Workshop) => Promise<T>): Promise<T> {
  const workshop = new Workshop();
  try {
    return await work(workshop);
  } finally {
    workshop.close();
  }
}
