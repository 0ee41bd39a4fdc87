import type { InputRequest } from '@modelcontextprotocol/server';
import { randomUUID } from 'node:crypto';

type Json = Record<string, unknown>;

/** A task as `tasks/get` shows it (SEP-2663). */
export interface TaskView extends Json {
  readonly taskId: string;
  readonly status: 'working' | 'input_required' | 'completed' | 'failed' | 'cancelled';
}

/** What the work of a task may do. */
export interface TaskContext {
  readonly signal: AbortSignal;
  /** Asks the client; resolves with what it answered to every question. */
  readonly ask: (questions: Readonly<Record<string, InputRequest>>) => Promise<Json>;
}

interface Entry {
  readonly abort: AbortController;
  readonly answers: Json;
  view: TaskView;
  /** Set while questions are open. */
  resume: (() => void) | undefined;
}

const TTL_MS = 60_000;
const POLL_INTERVAL_MS = 100;

/** Every task of the server, for as long as its process lives. */
export class TaskStore {
  readonly #entries = new Map<string, Entry>();

  /** Starts a task. @returns how it stands at once. */
  start(work: (context: TaskContext) => Promise<Json>): TaskView {
    const createdAt = new Date().toISOString();
    const entry: Entry = {
      abort: new AbortController(),
      answers: {},
      view: {
        taskId: randomUUID(),
        status: 'working',
        createdAt,
        lastUpdatedAt: createdAt,
        ttlMs: TTL_MS,
        pollIntervalMs: POLL_INTERVAL_MS,
      },
      resume: undefined,
    };
    this.#entries.set(entry.view.taskId, entry);
    const begun = entry.view;
    const ask: TaskContext['ask'] = (questions) => this.#ask(entry, questions);
    void work({ signal: entry.abort.signal, ask }).then(
      (result) => change(entry, { status: 'completed', result }),
      (error: Error) => {
        const { message } = error;
        change(entry, { status: 'failed', error: { code: -32603, message } });
      },
    );
    return begun;
  }

  get(taskId: string): TaskView | undefined {
    return this.#entries.get(taskId)?.view;
  }

  /** Hands answers to a task that asked. */
  answer(taskId: string, answers: Json): void {
    const entry = this.#entries.get(taskId);
    if (entry?.resume === undefined) return;
    const open = { ...(entry.view['inputRequests'] as Json) };
    for (const [key, answer] of Object.entries(answers)) {
      if (!(key in open)) continue;
      entry.answers[key] = answer;
      delete open[key];
    }
    if (Object.keys(open).length > 0) {
      change(entry, { inputRequests: open });
      return;
    }
    change(entry, { status: 'working', inputRequests: undefined });
    entry.resume();
  }

  cancel(taskId: string): void {
    const entry = this.#entries.get(taskId);
    if (entry === undefined || isOver(entry.view)) return;
    change(entry, { status: 'cancelled', inputRequests: undefined });
    entry.abort.abort();
  }

  #ask(entry: Entry, questions: Readonly<Record<string, InputRequest>>): Promise<Json> {
    return new Promise((resolve) => {
      entry.resume = () => {
        entry.resume = undefined;
        resolve(entry.answers);
      };
      change(entry, { status: 'input_required', inputRequests: questions });
    });
  }
}

function isOver({ status }: TaskView): boolean {
  return status === 'completed' || status === 'failed' || status === 'cancelled';
}

function change(entry: Entry, changes: Json): void {
  if (isOver(entry.view)) return;
  entry.view = { ...entry.view, ...changes, lastUpdatedAt: new Date().toISOString() };
}
