import assert from 'node:assert/strict';
import { setTimeout as delay } from 'node:timers/promises';
import { McpSession } from './session.ts';

/** What a call of the neighbour may take while something else goes wrong, on a loaded machine. */
const PATIENCE_MS = 5000;

/** Between calls, so that they do not become a load themselves. */
const PAUSE_MS = 5;

/** A well-behaved server behind the same gateway, which must notice nothing. */
export class Neighbour {
  readonly #session: McpSession;

  private constructor(session: McpSession) {
    this.#session = session;
  }

  /** Opens a session with a server whose tool `echo` answers. */
  static async meet(through: typeof fetch, url: string): Promise<Neighbour> {
    return new Neighbour(await McpSession.open(through, url));
  }

  /** Calls it over and over until something else is done, and gives what that came to. */
  async besides<T>(trouble: () => Promise<T>): Promise<T> {
    let over = false;
    const done = trouble().finally(() => {
      over = true;
    });
    const [outcome] = await Promise.all([done, this.#keepCalling(() => over)]);
    return outcome;
  }

  async #keepCalling(isOver: () => boolean): Promise<void> {
    do {
      const startedAt = performance.now();
      const { status, message } = await this.#session.call('echo');
      assert.equal(status, 200);
      assert.ok(message?.result, JSON.stringify(message));
      const ms = Math.round(performance.now() - startedAt);
      assert.ok(ms < PATIENCE_MS, `the neighbour waited ${ms} ms`);
      await delay(PAUSE_MS);
    } while (!isOver());
  }
}
