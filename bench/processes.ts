/** CPU time and memory of process trees, from Linux's /proc (proc(5)). */
import { execFileSync } from 'node:child_process';
import { readFileSync, readdirSync } from 'node:fs';

/** CPU time, milliseconds. */
export interface CpuShare {
  readonly userMs: number;
  readonly systemMs: number;
}

/** No CPU time. */
export const NO_CPU: CpuShare = { userMs: 0, systemMs: 0 };

/** Both parts together, milliseconds. */
export function totalMs(cpu: CpuShare): number {
  return cpu.userMs + cpu.systemMs;
}

export function addCpu(a: CpuShare, b: CpuShare): CpuShare {
  return { userMs: a.userMs + b.userMs, systemMs: a.systemMs + b.systemMs };
}

/** What was spent between two readings; a reading that went backwards counts as nothing. */
export function cpuBetween(before: CpuShare, after: CpuShare): CpuShare {
  return {
    userMs: Math.max(0, after.userMs - before.userMs),
    systemMs: Math.max(0, after.systemMs - before.systemMs),
  };
}

/** CPU time of one process since its start; nothing when it is gone. */
export function cpuOf(pid: number): CpuShare {
  return cpuIn(`/proc/${pid}/stat`);
}

/** CPU time of a process's main thread alone. */
export function cpuOfMainThread(pid: number): CpuShare {
  return cpuIn(`/proc/${pid}/task/${pid}/stat`);
}

/**
 * CPU time of a cgroup (version 2) with all below it; nothing when it is gone.
 *
 * @param directory such as `/sys/fs/cgroup/system.slice/gateway.service`.
 */
export function cpuOfCgroup(directory: string): CpuShare {
  const stat = read(`${directory}/cpu.stat`) ?? '';
  const microseconds = (key: string): number =>
    Number(new RegExp(`^${key} (\\d+)$`, 'm').exec(stat)?.[1] ?? 0);
  return { userMs: microseconds('user_usec') / 1000, systemMs: microseconds('system_usec') / 1000 };
}

/** CPU time of the whole machine since boot, idle and waiting excluded. */
export function cpuOfMachine(): CpuShare {
  const [user, nice, system, , , irq, softirq, steal] = (read('/proc/stat') ?? '')
    .split('\n', 1)
    .flatMap((line) => line.trim().split(/\s+/).slice(1));
  const sum = (...ticks: (string | undefined)[]): number =>
    ticks.reduce((total, each) => total + ticksToMs(each), 0);
  return { userMs: sum(user, nice), systemMs: sum(system, irq, softirq, steal) };
}

/** Time that the hypervisor gave to others while the machine's cores could have run; milliseconds. */
export function stolenFromMachine(): number {
  const [line = ''] = (read('/proc/stat') ?? '').split('\n', 1);
  return ticksToMs(line.trim().split(/\s+/)[8]);
}

/** A process and all its descendants, parents first. */
export function treeOf(pid: number): number[] {
  const parents = new Map<number, number>();
  for (const name of readdirSync('/proc')) {
    const stat = /^\d+$/.test(name) ? read(`/proc/${name}/stat`) : null;
    if (stat !== null) parents.set(Number(name), Number(fieldsOf(stat)[1]));
  }
  const tree = [pid];
  for (const each of tree) {
    for (const [child, parent] of parents) if (parent === each) tree.push(child);
  }
  return tree;
}

/** Largest resident set that a process had, bytes; 0 when it is gone. */
export function peakRssOf(pid: number): number {
  const status = read(`/proc/${pid}/status`) ?? '';
  return Number(/^VmHWM:\s+(\d+) kB$/m.exec(status)?.[1] ?? 0) * 1024;
}

/** Whether a process is the stdio MCP server itself, not a gateway that has it as an argument. */
export function isStdioServer(pid: number): boolean {
  const [, script = ''] = (read(`/proc/${pid}/cmdline`) ?? '').split('\0');
  return script.endsWith('server-everything/dist/index.js');
}

/** When the process started: together with its pid this names it for ever. `null` when it is gone. */
export function startOf(pid: number): string | null {
  const stat = read(`/proc/${pid}/stat`);
  return stat === null ? null : (fieldsOf(stat)[19] ?? null);
}

/** Numbers of the cores that this process may run on. */
export function allowedCores(): number[] {
  const list = /^Cpus_allowed_list:\s+(\S+)$/m.exec(read('/proc/self/status') ?? '')?.[1] ?? '0';
  return list.split(',').flatMap((range) => {
    const [first = 0, last = first] = range.split('-').map(Number);
    return Array.from({ length: last - first + 1 }, (_, index) => first + index);
  });
}

function cpuIn(statFile: string): CpuShare {
  const stat = read(statFile);
  if (stat === null) return NO_CPU;
  const fields = fieldsOf(stat);
  return { userMs: ticksToMs(fields[11]), systemMs: ticksToMs(fields[12]) };
}

/** Fields of /proc/<pid>/stat from the third on; the second, the name, may hold anything. */
function fieldsOf(stat: string): string[] {
  return stat.slice(stat.lastIndexOf(')') + 2).split(' ');
}

let ticksPerSecond: number | undefined;

function ticksToMs(ticks: string | undefined): number {
  ticksPerSecond ??= Number(execFileSync('getconf', ['CLK_TCK'], { encoding: 'utf8' }));
  return (Number(ticks ?? 0) * 1000) / ticksPerSecond;
}

function read(path: string): string | null {
  try {
    return readFileSync(path, 'utf8');
  } catch {
    return null;
  }
}
