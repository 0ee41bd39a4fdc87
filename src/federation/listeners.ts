import type { Changes } from './changes.ts';

interface Listener {
  readonly owner: string;
  readonly via: string | null;
  readonly changes: Changes;
}

/** Who listens without a session, to be told of lists that are another now (2026-07-28). */
export class Listeners {
  readonly #listeners = new Set<Listener>();

  /** @returns what ends it. */
  add(listener: Listener): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  /** Tells the listeners of one caller at one endpoint. */
  changed(owner: string, via: string | null, method: string): void {
    for (const listener of this.#listeners) {
      if (listener.owner === owner && listener.via === via) listener.changes.add(method);
    }
  }
}
