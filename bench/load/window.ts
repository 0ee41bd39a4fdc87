import type { CpuShare } from '../processes.ts';
import {
  addCpu,
  cpuBetween,
  cpuOf,
  cpuOfMachine,
  isStdioServer,
  NO_CPU,
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
  #end: { readonly at: number; readonly cpu: Window['cpu'] } | null = null;
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

  wrong(complaint: string): void {
    this.#errors += 1;
    if (this.#complaints.length < MAX_COMPLAINTS) this.#complaints.push(complaint);
  }

  /** Ends the time that counts; answers may still be counted afterwards. */
  close(): void {
    this.#end ??= { at: nowUs(), cpu: spentBetween(this.#cpu, readAll(this.#watch)) };
  }

  result(): Window {
    this.close();
    const { at: to, cpu } = this.#end ?? {
      at: this.#from,
      cpu: spentBetween(this.#cpu, this.#cpu),
    };
    return {
      seconds: (to - this.#from) / 1e6,
      calls: this.#calls,
      errors: this.#errors,
      complaints: this.#complaints,
      latencyUs: this.#latency.summary(),
      cpu,
      from: this.#from,
      to,
    };
  }
}

/** CPU time since start of each process by pid, and of the machine. */
interface Readings {
  readonly machine: CpuShare;
  readonly processes: ReadonlyMap<number, { readonly role: Role; readonly cpu: CpuShare }>;
}

function readAll(watch: readonly Watched[]): Readings {
  const processes = new Map<number, { role: Role; cpu: CpuShare }>();
  for (const { role, pid } of watch) {
    for (const each of treeOf(pid)) {
      processes.set(each, { role: isStdioServer(each) ? 'server' : role, cpu: cpuOf(each) });
    }
  }
  processes.set(process.pid, { role: 'generator', cpu: cpuOf(process.pid) });
  return { machine: cpuOfMachine(), processes };
}

function spentBetween(before: Readings, after: Readings): Window['cpu'] {
  const spent: Record<Role, CpuShare> = {
    subject: NO_CPU,
    server: NO_CPU,
    upstream: NO_CPU,
    generator: NO_CPU,
    other: NO_CPU,
  };
  let ours = NO_CPU;
  for (const [pid, { role, cpu }] of after.processes) {
    const used = cpuBetween(before.processes.get(pid)?.cpu ?? NO_CPU, cpu);
    spent[role] = addCpu(spent[role], used);
    ours = addCpu(ours, used);
  }
  spent.other = cpuBetween(ours, cpuBetween(before.machine, after.machine));
  return spent;
}
