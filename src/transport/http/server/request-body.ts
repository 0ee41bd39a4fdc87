/** The client's request ended before it was whole. */
export class RequestCutOff extends Error {
  override readonly name = 'RequestCutOff';
}

/** What a {@link RequestBody} asks of its connection. */
export interface BodySource {
  /** Reads on: somebody takes the body, or drops it. */
  onBodyWanted(): void;
  /** Reads no further until it is wanted. */
  onBodyHeld(): void;
}

interface Reader {
  readonly take: (chunk: Buffer) => void;
  readonly resolve: () => void;
  readonly reject: (reason: Error) => void;
}

/** Of a body that nobody has asked for yet, so much is kept; the rest stays where it is. */
const MAX_EARLY_BYTES = 16 * 1024;

type State = 'coming' | 'whole' | 'cut';

/** The body of one request, on its way from the connection to whoever reads it. */
export class RequestBody {
  readonly #source: BodySource;
  #state: State;
  #reader: Reader | null = null;
  #early: Buffer[] | null = null;
  #earlyBytes = 0;
  #isDropped = false;
  #hasBegun = false;

  constructor(source: BodySource, isEmpty: boolean) {
    this.#source = source;
    this.#state = isEmpty ? 'whole' : 'coming';
  }

  /** Whether all of it has come. */
  get isWhole(): boolean {
    return this.#state === 'whole';
  }

  /** Whether some of it has come. */
  get hasBegun(): boolean {
    return this.#hasBegun;
  }

  /**
   * Gives it to `take` as it comes. What that throws ends it: the rest is left where it is.
   *
   * @throws RequestCutOff when the connection is lost first, and what `take` throws.
   */
  read(take: (chunk: Buffer) => void): Promise<void> {
    return new Promise((resolve, reject) => {
      this.#reader = { take, resolve, reject };
      const early = this.#early ?? [];
      this.#early = null;
      for (const chunk of early) this.push(chunk);
      if (this.#state === 'whole') this.#settle(null);
      else if (this.#state === 'cut') this.#settle(new RequestCutOff('it was cut off'));
      else if (!this.#isDropped) this.#source.onBodyWanted();
    });
  }

  /** Nobody wants it: what comes is read, and forgotten. */
  drop(): void {
    this.#isDropped = true;
    this.#early = null;
    if (this.#state === 'coming') this.#source.onBodyWanted();
  }

  /** A part of it has come. For the connection. */
  push(chunk: Buffer): void {
    this.#hasBegun = true;
    if (this.#isDropped) return;
    if (this.#reader === null) this.#keep(chunk);
    else this.#give(this.#reader, chunk);
  }

  /** It has come whole. For the connection. */
  end(): void {
    this.#state = 'whole';
    this.#settle(null);
  }

  /** The rest will not come. For the connection. */
  cutOff(): void {
    if (this.#state !== 'coming') return;
    this.#state = 'cut';
    this.#settle(new RequestCutOff('it was cut off'));
  }

  #keep(chunk: Buffer): void {
    this.#early ??= [];
    this.#early.push(chunk);
    this.#earlyBytes += chunk.length;
    if (this.#earlyBytes > MAX_EARLY_BYTES) this.#source.onBodyHeld();
  }

  #give({ take }: Reader, chunk: Buffer): void {
    try {
      take(chunk);
    } catch (thrown) {
      this.#isDropped = true;
      this.#source.onBodyHeld();
      this.#settle(thrown as Error);
    }
  }

  #settle(failure: Error | null): void {
    const reader = this.#reader;
    this.#reader = null;
    if (failure === null) reader?.resolve();
    else reader?.reject(failure);
  }
}
