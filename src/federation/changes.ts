import { notificationFrame } from './frames.ts';

/** Changes within this time are told once. */
const SETTLE_MS = 50;

/** Gathers list changes of many members, so that a client hears of each list once. */
export class Changes {
  readonly #waiting = new Set<string>();
  readonly #tell: (notification: Buffer) => void;
  readonly #params: Readonly<Record<string, unknown>>;
  readonly #wants: (method: string) => boolean;
  #timer: NodeJS.Timeout | undefined;

  /**
   * @param tell is given the notifications.
   * @param params what each of them has.
   * @param wants whether the client is to be told of a change by this method.
   */
  constructor(
    tell: (notification: Buffer) => void,
    params: Readonly<Record<string, unknown>> = {},
    wants: (method: string) => boolean = () => true,
  ) {
    this.#tell = tell;
    this.#params = params;
    this.#wants = wants;
  }

  add(method: string): void {
    if (!this.#wants(method)) return;
    this.#waiting.add(method);
    this.#timer ??= setTimeout(() => this.#flush(), SETTLE_MS).unref();
  }

  /** Nobody is there to be told any more. */
  stop(): void {
    clearTimeout(this.#timer);
    this.#waiting.clear();
  }

  #flush(): void {
    this.#timer = undefined;
    const methods = [...this.#waiting];
    this.#waiting.clear();
    for (const method of methods) this.#tell(notificationFrame(method, this.#params).bytes);
  }
}
