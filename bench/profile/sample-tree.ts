import { readFile } from 'node:fs/promises';

/** A call frame of a V8 CPU profile. */
export interface CallFrame {
  readonly functionName: string;
  /** `file:///…`, `node:…`, or empty for what is not JavaScript. */
  readonly url: string;
  /** Counted from 0. */
  readonly lineNumber: number;
}

/** A stack of calls and what was found on top of it. */
export interface SampleNode {
  readonly frame: CallFrame;
  /** Samples with this very stack. */
  self: number;
  /** Samples with this stack or one that goes on from it. */
  total: number;
  readonly children: SampleNode[];
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

/**
 * The samples of a `.cpuprofile` between two moments of the monotonic clock, in microseconds, those
 * of an idle process left out.
 */
export async function readSamples(
  path: string,
  window: { readonly from: number; readonly to: number },
): Promise<SampleNode> {
  const profile = JSON.parse(await readFile(path, 'utf8')) as Profile;
  const nodes = new Map(profile.nodes.map(({ id, callFrame }) => [id, nodeOf(callFrame)]));
  for (const { id, children = [] } of profile.nodes) {
    for (const child of children) nodes.get(id)?.children.push(nodes.get(child) ?? nodeOf(ROOT));
  }
  let at = profile.startTime;
  for (const [index, id] of profile.samples.entries()) {
    at += profile.timeDeltas[index] ?? 0;
    const node = nodes.get(id);
    if (at < window.from || at > window.to || node?.frame.functionName === '(idle)') continue;
    if (node !== undefined) node.self += 1;
  }
  const root = nodes.get(profile.nodes[0]?.id ?? 0) ?? nodeOf(ROOT);
  sumUp(root);
  return root;
}

const ROOT: CallFrame = { functionName: '(root)', url: '', lineNumber: -1 };

function nodeOf(frame: CallFrame): SampleNode {
  return { frame, self: 0, total: 0, children: [] };
}

/** Sets all totals. */
function sumUp(node: SampleNode): void {
  node.total = node.self;
  for (const child of node.children) {
    sumUp(child);
    node.total += child.total;
  }
}
