import { readdirSync, readFileSync } from 'node:fs';

/** A process that a test run did not end. */
export interface LeftProcess {
  readonly pid: number;
  readonly command: string;
}

/**
 * The live processes of a process group, and those of any group that have the marker (`NAME=value`)
 * in their environment. Linux only: elsewhere there is no /proc and the answer is empty.
 */
export function processesOf(group: number, marker: string): readonly LeftProcess[] {
  return listPids().flatMap((pid) => {
    if (pid === process.pid) return [];
    const belongs = groupOf(pid) === group || read(pid, 'environ').split('\0').includes(marker);
    return belongs ? [{ pid, command: read(pid, 'cmdline').replaceAll('\0', ' ').trim() }] : [];
  });
}

function listPids(): readonly number[] {
  try {
    return readdirSync('/proc').map(Number).filter(Number.isInteger);
  } catch {
    return [];
  }
}

/** Process group from `/proc/PID/stat`, `null` when the process is gone or waits to be reaped. */
function groupOf(pid: number): number | null {
  const stat = read(pid, 'stat');
  // "pid (name) state ppid pgrp …"; the name may hold anything, also parentheses.
  const [state, , group] = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
  return state === undefined || state === 'Z' ? null : Number(group);
}

/** Empty when the process is gone or belongs to someone else. */
function read(pid: number, file: string): string {
  try {
    return readFileSync(`/proc/${pid}/${file}`, 'latin1');
  } catch {
    return '';
  }
}
