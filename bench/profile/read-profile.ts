import { readFile } from 'node:fs/promises';
import type { CallFrame } from './places.ts';
import { placeOf } from './places.ts';

/** Samples of one window, by place and by function. */
export interface Breakdown {
  /** Samples while the process did something. */
  readonly samples: number;
  /** Share of them by place, largest first. */
  readonly places: readonly Share[];
  /** The functions with the largest shares of their own. */
  readonly functions: readonly Share[];
}

export interface Share {
  readonly name: string;
  /** Between 0 and 1. */
  readonly share: number;
}

/** The parts of a `.cpuprofile` that are read (Chrome DevTools Protocol, `Profiler.Profile`). */
interface Profile {
  readonly nodes: readonly {
    readonly id: number;
    readonly callFrame: CallFrame;
    readonly children?: readonly number[];
  }[];
  /** Microseconds of the monotonic clock. */
  readonly startTime: number;
  readonly samples: readonly number[];
  readonly timeDeltas: readonly number[];
}

const MAX_FUNCTIONS = 40;

/** Sums up the samples of a profile between two moments of the monotonic clock, in microseconds. */
export async function readProfile(
  path: string,
  window: { readonly from: number; readonly to: number },
): Promise<Breakdown> {
  const profile = JSON.parse(await readFile(path, 'utf8')) as Profile;
  const owners = ownersOf(profile);
  const places = new Map<string, number>();
  const functions = new Map<string, number>();
  let samples = 0;
  let at = profile.startTime;
  for (const [index, id] of profile.samples.entries()) {
    at += profile.timeDeltas[index] ?? 0;
    if (at < window.from || at > window.to) continue;
    const owner = owners.get(id);
    if (owner === undefined || owner.place === 'idle') continue;
    samples += 1;
    places.set(owner.place, (places.get(owner.place) ?? 0) + 1);
    functions.set(owner.label, (functions.get(owner.label) ?? 0) + 1);
  }
  return {
    samples,
    places: sharesOf(places, samples),
    functions: sharesOf(functions, samples).slice(0, MAX_FUNCTIONS),
  };
}

interface Owner {
  readonly place: string;
  readonly label: string;
}

/** Where each node's own time belongs; C++ without a row of its own goes to its caller. */
function ownersOf(profile: Profile): ReadonlyMap<number, Owner> {
  const nodes = new Map(profile.nodes.map((node) => [node.id, node]));
  const owners = new Map<number, Owner>();
  const root = profile.nodes[0];
  const open = root === undefined ? [] : [{ node: root, caller: 'native code and kernel' }];
  for (const { node, caller } of open) {
    const place = placeOf(node.callFrame) ?? caller;
    owners.set(node.id, { place, label: labelOf(node.callFrame) });
    for (const id of node.children ?? []) {
      const child = nodes.get(id);
      if (child !== undefined) open.push({ node: child, caller: place });
    }
  }
  return owners;
}

function labelOf({ functionName, url, lineNumber }: CallFrame): string {
  const name = functionName === '' ? '(anonymous)' : functionName;
  if (url === '') return name;
  const file = url.replace(/^file:\/\/.*?\/(?=(?:src|bin|node_modules)\/)/, '');
  return `${name} ${file}:${lineNumber + 1}`;
}

function sharesOf(counts: ReadonlyMap<string, number>, total: number): Share[] {
  return [...counts]
    .map(([name, count]) => ({ name, share: count / total }))
    .toSorted((a, b) => b.share - a.share);
}
