import type { Case } from '../case.ts';
import { http, RELAYED } from '../cases.ts';
import type { Target, Watched } from '../load/plan.ts';
import { peakRssOf, startOf, treeOf } from '../processes.ts';
import type { Echo } from './echo.ts';
import type { Subject } from './subject.ts';

/** A gateway that somebody else has started. */
export interface Peer {
  readonly name: string;
  readonly target: Target;
  /** The gateway's name of the upstream's tool. */
  readonly tool: string;
  /** Its process or cgroup, if it runs on this machine; `null` counts no CPU time. */
  readonly watch: Watched | null;
}

/** The case of a peer, whose upstream is up. */
export function peerCase({ name, target, tool, watch }: Peer, upstream: Echo): Case {
  const subject = (): Promise<Subject> => Promise.resolve(peerSubject(target, watch, upstream));
  const baseline = target.tls === null ? 'direct-plain' : 'direct-pq';
  const shape = { ...RELAYED, tool };
  return http(`peer-${name}`, name, baseline, subject, { shape });
}

/** Nobody's but its owner's: it is neither pinned nor ended. */
function peerSubject(target: Target, watch: Watched | null, upstream: Echo): Subject {
  const pid = watch !== null && 'pid' in watch ? watch.pid : null;
  if (pid !== null && startOf(pid) === null) throw new Error(`there is no process ${pid}`);
  const rss = (): number =>
    pid === null ? 0 : treeOf(pid).reduce((sum, each) => sum + peakRssOf(each), 0);
  return {
    target,
    watch: [{ role: 'upstream', pid: upstream.child.pid }, ...(watch === null ? [] : [watch])],
    cores: 1,
    within: [],
    peakRss: () => ({ subject: rss(), server: 0 }),
    stop: () => Promise.resolve(),
  };
}
