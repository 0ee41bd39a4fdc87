/** A moment by which something has to be done. */
export interface Deadline {
  /** It is done: the moment does not matter any more. */
  clear(): void;
}

/** Those that are as long away when they start, the first to come first. */
interface Queue {
  readonly ms: number;
  first: Waiting | null;
  last: Waiting | null;
  armed: boolean;
}

const queues = new Map<number, Queue>();

/**
 * Calls `onOver` once after `ms`, a little late rather than early, unless it is cleared before. It keeps
 * no process alive. Nearly every call of a gateway has a few of these, of few lengths, and clears them:
 * one timer for all of a length costs a small part of one for each.
 *
 * @param ms is one of few values, such as a limit.
 */
export function startDeadline(ms: number, onOver: () => void): Deadline {
  const queue = queueOf(ms);
  const waiting = new Waiting(queue, performance.now() + ms, onOver);
  arm(queue, ms);
  return waiting;
}

class Waiting implements Deadline {
  readonly queue: Queue;
  readonly atMs: number;
  #onOver: (() => void) | null;
  isWaiting = true;
  before: Waiting | null;
  after: Waiting | null = null;

  constructor(queue: Queue, atMs: number, onOver: () => void) {
    this.queue = queue;
    this.atMs = atMs;
    this.#onOver = onOver;
    this.before = queue.last;
    if (queue.last === null) queue.first = this;
    else queue.last.after = this;
    queue.last = this;
  }

  /** Takes it off and calls what it was set for. */
  end(): void {
    const onOver = this.#onOver;
    this.clear();
    onOver?.();
  }

  clear(): void {
    if (!this.isWaiting) return;
    this.isWaiting = false;
    const { queue, before, after } = this;
    if (before === null) queue.first = after;
    else before.after = after;
    if (after === null) queue.last = before;
    else after.before = before;
    // One that is over must not hold a younger one: once it is old itself, everything that came later,
    // with its call, would outlive the collections of young objects and be copied by each.
    this.before = null;
    this.after = null;
    this.#onOver = null;
  }
}

function queueOf(ms: number): Queue {
  let queue = queues.get(ms);
  if (queue === undefined) {
    queue = { ms, first: null, last: null, armed: false };
    queues.set(ms, queue);
  }
  return queue;
}

/** The timer is left to run when nothing waits any more: calls come faster than it ends. */
function arm(queue: Queue, inMs: number): void {
  if (queue.armed) return;
  queue.armed = true;
  setTimeout(() => {
    queue.armed = false;
    endOver(queue);
  }, inMs).unref();
}

function endOver(queue: Queue): void {
  const nowMs = performance.now();
  try {
    while (queue.first !== null && queue.first.atMs <= nowMs) {
      queue.first.end();
    }
  } finally {
    // What one of them throws is not the others' concern.
    if (queue.first === null) queues.delete(queue.ms);
    else arm(queue, Math.max(1, queue.first.atMs - nowMs));
  }
}
