import type { Socket } from 'node:net';
import type { Response } from './response.ts';
import { ResponseReader } from './response.ts';

/** Takes the one outcome of a request. */
export type Outcome = (response: Response | Error) => void;

/** A kept-alive connection with at most one request in flight. */
export class Connection {
  readonly #socket: Socket;
  readonly #reader = new ResponseReader();
  #waiting: Outcome | null = null;
  #failure: Error | null = null;

  constructor(socket: Socket) {
    this.#socket = socket;
    socket.on('data', (chunk: Buffer) => this.#take(chunk));
    socket.on('error', (error) => this.#fail(error));
    socket.on('close', () => this.#fail(new Error('the server closed the connection')));
  }

  /** Whether it can carry another request. */
  get usable(): boolean {
    return this.#failure === null;
  }

  /** Whether a request has no outcome yet. */
  get busy(): boolean {
    return this.#waiting !== null;
  }

  /** Sends a request in one write; the bytes must stay as they are until the outcome. */
  send(request: Buffer, outcome: Outcome): void {
    if (this.#waiting !== null) throw new Error('a request is in flight already');
    if (this.#failure !== null) {
      outcome(this.#failure);
      return;
    }
    this.#waiting = outcome;
    this.#socket.write(request);
  }

  /** {@link send} as a promise, for what is not measured. */
  exchange(request: Buffer): Promise<Response> {
    return new Promise((resolve, reject) => {
      this.send(request, (outcome) => {
        if (outcome instanceof Error) reject(outcome);
        else resolve(outcome);
      });
    });
  }

  close(): void {
    this.#failure ??= new Error('closed');
    this.#socket.destroy();
  }

  #take(chunk: Buffer): void {
    const outcome = this.#waiting;
    if (outcome === null) {
      this.#fail(new Error('bytes that nobody asked for'));
      return;
    }
    try {
      const response = this.#reader.push(chunk);
      if (response === null) return;
      this.#waiting = null;
      outcome(response);
    } catch (error) {
      this.#fail(error as Error);
    }
  }

  #fail(error: Error): void {
    if (this.#failure !== null) return;
    this.#failure = error;
    this.#socket.destroy();
    const outcome = this.#waiting;
    this.#waiting = null;
    outcome?.(error);
  }
}
