import type { Calls } from './calls.ts';
import type { Connection } from './connection.ts';
import { Lanes } from './lanes.ts';
import type { Times, Watched, Window } from './plan.ts';
import { nowUs } from './window.ts';

/**
 * Calls as fast as the answers come: each connection sends its next request when it has the answer to
 * the last.
 */
export function closedLoop(
  connections: readonly Connection[],
  calls: Calls,
  times: Times,
  watch: readonly Watched[],
): Promise<Window> {
  const lanes = new Lanes();
  const ended = Promise.all(connections.map((connection) => callOn(connection, calls, lanes)));
  return lanes.run(ended, times, watch);
}

function callOn(connection: Connection, calls: Calls, lanes: Lanes): Promise<void> {
  const template = calls.template();
  return new Promise((resolve) => {
    const next = (): void => {
      if (lanes.stopping || !connection.usable) {
        resolve();
        return;
      }
      const id = calls.nextId();
      const sentAt = nowUs();
      connection.send(template.with(id), (outcome) => {
        const complaint = outcome instanceof Error ? outcome.message : calls.complaint(id, outcome);
        if (complaint === null) lanes.right(nowUs() - sentAt);
        else lanes.wrong(complaint);
        next();
      });
    };
    next();
  });
}
