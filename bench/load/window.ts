import type { CpuShare } from '../processes.ts';
import {
  addCpu,
  cpuBetween,
  cpuOf,
  cpuOfCgroup,
  cpuOfMachine,
  cpuOfMainThread,
  isStdioServer,
  NO_CPU,
  stolenFromMachine,
  treeOf,
} from '../processes.ts';
import { Histogram } from './histogram.ts';
import type { Role, Watched, Window } from './plan.ts';

const MAX_COMPLAINTS = 5;

/** The clock of every measurement, `CLOCK_MONOTONIC` in microseconds: one for all processes. */
export function nowUs(): number {
  return Number(process.hrtime.bigint()) / 1000;
}

/** Collects what happens from its making to {@link WindowCount.close}. */
export class WindowCount {
  readonly #latency = new Histogram();
  readonly #watch: readonly Watched[];
  readonly #cpu: Readings;
  readonly #from: number;
  #end: ({ readonly at: number } & Spent) | null = null;
  #calls = 0;
  #errors = 0;
  readonly #complaints: string[] = [];

  constructor(watch: readonly Watched[]) {
    this.#watch = watch;
    this.#cpu = readAll(watch);
    this.#from = nowUs();
  }

  right(latencyUs: number): void {
    this.#calls += 1;
    this.#latency.record(latencyUs);
  }

  /** Counts work whose latency says nothing. */
  done(units: number): void {
    this.#calls += units;
  }

  wrong(complaint: string): void {
    this.#errors += 1;
    if (this.#complaints.length < MAX_COMPLAINTS) this.#complaints.push(complaint);
  }

  /** Ends the time that counts; answers may still be counted afterwards. */
  close(): void {
    this.#end ??= { at: nowUs(), ...spentBetween(this.#cpu, readAll(this.#watch)) };
  }

  result(): Window {
    this.close();
    const {
      at: to,
      cpu,
      mainThreads,
      stolenMs,
    } = this.#end ?? { at: this.#from, ...spentBetween(this.#cpu, this.#cpu) };
    return {
      seconds: (to - this.#from) / 1e6,
      calls: this.#calls,
      errors: this.#errors,
      complaints: this.#complaints,
      latencyUs: this.#latency.summary(),
      cpu,
      mainThreads,
      stolenMs,
      from: this.#from,
      to,
    };
  }
}

/** What {@link Window} says of CPU time. */
type Spent = Pick<Window, 'cpu' | 'mainThreads' | 'stolenMs'>;

/** CPU time of the machine, and of each process (by pid) and cgroup since its start. */
interface Readings {
  readonly machine: CpuShare;
  readonly stolenMs: number;
  readonly parts: ReadonlyMap<number | string, Part>;
}

interface Part {
  readonly role: Role;
  readonly cpu: CpuShare;
  readonly mainThread: CpuShare;
}

function readAll(watch: readonly Watched[]): Readings {
  const parts = new Map<number | string, Part>();
  const read = (pid: number, role: Role): void => {
    parts.set(pid, { role, cpu: cpuOf(pid), mainThread: cpuOfMainThread(pid) });
  };
  for (const each of watch) {
    if ('cgroup' in each) {
      const { role, cgroup } = each;
      parts.set(cgroup, { role, cpu: cpuOfCgroup(cgroup), mainThread: NO_CPU });
    } else {
      for (const pid of treeOf(each.pid)) read(pid, isStdioServer(pid) ? 'server' : each.role);
    }
  }
  read(process.pid, 'generator');
  return { machine: cpuOfMachine(), stolenMs: stolenFromMachine(), parts };
}

function spentBetween(before: Readings, after: Readings): Spent {
  const cpu: Record<Role, CpuShare> = {
    subject: NO_CPU,
    server: NO_CPU,
    upstream: NO_CPU,
    generator: NO_CPU,
    other: NO_CPU,
  };
  let ours = NO_CPU;
  let mainThreads = NO_CPU;
  for (const [key, now] of after.parts) {
    const then = before.parts.get(key);
    const used = cpuBetween(then?.cpu ?? NO_CPU, now.cpu);
    cpu[now.role] = addCpu(cpu[now.role], used);
    ours = addCpu(ours, used);
    if (now.role !== 'subject') continue;
    mainThreads = addCpu(mainThreads, cpuBetween(then?.mainThread ?? NO_CPU, now.mainThread));
  }
  cpu.other = cpuBetween(ours, cpuBetween(before.machine, after.machine));
  return { cpu, mainThreads, stolenMs: after.stolenMs - before.stolenMs };
}
