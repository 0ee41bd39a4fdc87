/** A constant stream of calls, over connections that stay open and over new ones. */
import { setTimeout as delay } from 'node:timers/promises';
import type { Caller } from './identified.ts';
import { callerNamed } from './identified.ts';
import type { TestPostern } from './postern.ts';
import { openSession, request, send } from './raw.ts';

/** Between calls, to leave the machine something for what is tested. */
const PAUSE_MS = 25;

/** Calls under way until {@link Load.stop}. */
export interface Load {
  /** Calls that were answered so far. */
  readonly answered: () => number;
  /** Resolves when this many further calls were answered on each kind of connection. */
  more(calls: number): Promise<void>;
  /** Makes further connections trust other roots. */
  trust(ca: string): Promise<void>;
  /** Ends the load; rejects with the first failure. */
  stop(): Promise<void>;
}

/**
 * Keeps calling a server of a gateway, with one caller whose connections stay open and one that makes
 * a new connection for each call.
 */
export async function startLoad(postern: TestPostern, server: string): Promise<Load> {
  const url = postern.url(server);
  let target = postern;
  let old = await callerNamed(target, null);
  const session = await openSession(old.fetch, url);
  const answered = { kept: 0, fresh: 0 };
  const stop = new AbortController();
  const { signal } = stop;
  let ids = 0;
  const call = async ({ fetch }: Caller): Promise<void> => {
    const { status, message } = await send(fetch, url, request((ids += 1), 'ping'), session);
    if (status !== 200) throw new Error(`${status} ${JSON.stringify(message)}`);
  };
  const keep = async (): Promise<void> => {
    while (!signal.aborted) {
      await call(old);
      answered.kept += 1;
      await delay(PAUSE_MS);
    }
  };
  const renew = async (): Promise<void> => {
    while (!signal.aborted) {
      const fresh = await callerNamed(target, null);
      await call(fresh);
      await fresh.close();
      answered.fresh += 1;
      await delay(PAUSE_MS);
    }
  };
  const work = Promise.all([keep(), renew()]);
  work.catch(() => undefined);
  const more = async (calls: number): Promise<void> => {
    const { kept, fresh } = { ...answered };
    const reached = async (): Promise<void> => {
      while (answered.kept < kept + calls || answered.fresh < fresh + calls) {
        await delay(PAUSE_MS, undefined, { signal });
      }
    };
    await Promise.race([reached(), work]);
  };
  return {
    answered: () => answered.kept + answered.fresh,
    more,
    trust: async (ca) => {
      target = { ...postern, ca };
      const before = old;
      old = await callerNamed(target, null);
      // A call that began with the earlier one may still be on its way.
      await more(1);
      await before.close();
    },
    stop: async () => {
      stop.abort();
      try {
        await work;
      } finally {
        await old.close();
      }
    },
  };
}
