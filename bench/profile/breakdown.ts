import type { CallFrame, SampleNode } from './sample-tree.ts';
import { stageOf, UNKNOWN_STAGE } from './stages.ts';

/** The samples of one window, by stage and by function. */
export interface Breakdown {
  /** Samples while the main thread did something. */
  readonly samples: number;
  /** Largest first. */
  readonly stages: readonly Share[];
  /** Functions with the largest shares of their own. */
  readonly functions: readonly Share[];
  /** The product's own functions with the largest shares, callees included. */
  readonly callers: readonly Share[];
}

/** Shares are between 0 and 1. */
export interface Share {
  readonly name: string;
  readonly share: number;
  /** With everything called from it; `null` where it was not counted. */
  readonly inclusive: number | null;
}

const MAX_FUNCTIONS = 40;

/** Sums up a tree of samples. */
export function breakDown(root: SampleNode): Breakdown {
  const stages = new Sums();
  const functions = new Sums();
  const top = {
    stage: UNKNOWN_STAGE,
    openStages: new Set<string>(),
    openFrames: new Set<string>(),
  };
  for (const node of root.children) walk(node, { ...top, stages, functions });
  const all = functions.shares(root.total);
  return {
    samples: root.total,
    stages: stages.shares(root.total),
    functions: all.slice(0, MAX_FUNCTIONS),
    callers: all
      .filter(({ name }) => / src\//.test(name))
      .toSorted((a, b) => (b.inclusive ?? 0) - (a.inclusive ?? 0))
      .slice(0, MAX_FUNCTIONS),
  };
}

/** A function's name and where it stands, `src/…` for the product's own. */
export function labelOf({ functionName, url, lineNumber }: CallFrame): string {
  const name = functionName === '' ? '(anonymous)' : functionName;
  if (url === '') return name;
  const file = url.replace(/^file:\/\/.*?\/(?=(?:src|bin|bench|node_modules)\/)/, '');
  return `${name} ${file}:${lineNumber + 1}`;
}

interface Walk {
  /** That of the nearest frame which has one. */
  readonly stage: string;
  readonly stages: Sums;
  readonly functions: Sums;
  /** On the stack already: a recursion must not count twice. */
  readonly openStages: Set<string>;
  readonly openFrames: Set<string>;
}

function walk(node: SampleNode, above: Walk): void {
  const { stages, functions, openStages, openFrames } = above;
  const stage = stageOf(node.frame) ?? above.stage;
  const label = labelOf(node.frame);
  const isNewStage = !openStages.has(stage);
  const isNewFrame = !openFrames.has(label);
  stages.add(stage, node.self, isNewStage ? node.total : 0);
  functions.add(label, node.self, isNewFrame ? node.total : 0);
  openStages.add(stage);
  openFrames.add(label);
  for (const child of node.children) walk(child, { ...above, stage });
  if (isNewStage) openStages.delete(stage);
  if (isNewFrame) openFrames.delete(label);
}

/** Samples by name: its own, and with what was called from it. */
class Sums {
  readonly #sums = new Map<string, { self: number; total: number }>();

  add(name: string, self: number, total: number): void {
    const sum = this.#sums.get(name) ?? { self: 0, total: 0 };
    sum.self += self;
    sum.total += total;
    this.#sums.set(name, sum);
  }

  /** Largest own share first; what never ran is left out. */
  shares(samples: number): Share[] {
    return [...this.#sums]
      .filter(([, { total }]) => total > 0)
      .map(([name, { self, total }]) => ({
        name,
        share: self / samples,
        inclusive: total / samples,
      }))
      .toSorted((a, b) => b.share - a.share);
  }
}
