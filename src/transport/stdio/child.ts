import type { ChildProcessWithoutNullStreams } from 'node:child_process';
import { setTimeout as delay } from 'node:timers/promises';
import { endGroup, HAS_GROUPS, signalGroup } from './group.ts';
import { InputQueue } from './input.ts';
import type { Program } from './program.ts';
import { explainExit, explainSpawnError, spawnProgram } from './spawn.ts';
import { StderrLog } from './stderr.ts';

/** Time for the last output of an exited child to arrive; something else may hold the pipe open. */
const DRAIN_MS = 250;

/** What a {@link Child} tells its owner. */
export interface ChildHandlers {
  onOutput(chunk: Buffer): void;
  /**
   * The child has exited or could not be started, and its last output has been handed out; called
   * once. `reason` continues a sentence that begins with "the server".
   */
  onExit(reason: string): void;
}

/** One running server program, leader of its own process group. */
export class Child {
  /** Resolves when the child and everything in its process group are gone. */
  readonly gone: Promise<void>;
  readonly #process: ChildProcessWithoutNullStreams;
  readonly #program: Program;
  readonly #handlers: ChildHandlers;
  readonly #input: InputQueue;
  readonly #stderr: StderrLog;
  readonly #exited = Promise.withResolvers<void>();
  readonly #gone = Promise.withResolvers<void>();
  #told = false;
  #stopping = false;

  /** @throws UpstreamUnavailable when the program cannot even be tried, UpstreamCredentialUnavailable. */
  constructor(program: Program, handlers: ChildHandlers) {
    this.gone = this.#gone.promise;
    this.#program = program;
    this.#handlers = handlers;
    this.#process = spawnProgram(program);
    const { pid, stdin, stdout, stderr } = this.#process;
    this.#input = new InputQueue(stdin, program.limits.maxMessageBytes);
    this.#stderr = new StderrLog(program.name, pid, program.limits, program.events);
    if (pid !== undefined) program.guardian.add(pid);
    this.#process.once('error', (error) => this.#onSpawnError(error));
    this.#process.once('exit', (code, signal) => this.#onExit(code, signal));
    stdout.on('data', (chunk: Buffer) => handlers.onOutput(chunk));
    stdout.once('end', () => void this.#endUnlessExiting('closed its output'));
    stdin.on('error', () => void this.#endUnlessExiting('closed its input'));
    stderr.on('data', (chunk: Buffer) => this.#stderr.push(chunk));
    for (const stream of [stdout, stderr]) stream.on('error', () => stream.destroy());
  }

  /** `undefined` when it could not be started. */
  get pid(): number | undefined {
    return this.#process.pid;
  }

  /** @returns false when too much is waiting for the child to read. */
  write(line: Buffer): boolean {
    return this.#input.write(line);
  }

  /** Stops reading, so that the child waits as soon as the pipe is full. */
  pause(): void {
    this.#process.stdout.pause();
  }

  resume(): void {
    this.#process.stdout.resume();
  }

  /**
   * Ends the child: end of stdin, SIGTERM, SIGKILL, each after a grace. What it still writes is thrown
   * away and `onExit` is not called any more.
   *
   * @returns {@link Child.gone}
   */
  stop(graceMs: number = this.#program.limits.childStopGraceMs): Promise<void> {
    this.#told = true;
    if (!this.#stopping) {
      this.#stopping = true;
      void this.#escalate(graceMs);
    }
    return this.gone;
  }

  async #escalate(graceMs: number): Promise<void> {
    const { pid, stdout } = this.#process;
    // A child that blocks on a full pipe could not notice the end of its input.
    stdout.removeAllListeners('data').resume();
    this.#input.end();
    if (pid === undefined || (await this.#exitsWithin(graceMs))) return;
    signalGroup(pid, 'SIGTERM');
    if (await this.#exitsWithin(graceMs)) return;
    signalGroup(pid, 'SIGKILL');
  }

  async #exitsWithin(timeoutMs: number): Promise<boolean> {
    const timer = new AbortController();
    const timeout = delay(timeoutMs, false, { signal: timer.signal }).catch(() => false);
    const exited = await Promise.race([this.#exited.promise.then(() => true), timeout]);
    timer.abort();
    return exited;
  }

  /** A child that lets go of a pipe is of no use; it mostly exits by itself at the same moment. */
  async #endUnlessExiting(reason: string): Promise<void> {
    if (this.#stopping || (await this.#exitsWithin(DRAIN_MS)) || this.#stopping) return;
    this.#tell(reason);
    void this.stop();
  }

  #onSpawnError(error: Error): void {
    if (this.#process.pid !== undefined) return;
    this.#exited.resolve();
    this.#gone.resolve();
    this.#tell(`could not be started: ${explainSpawnError(error, this.#program)}`);
  }

  #onExit(code: number | null, signal: NodeJS.Signals | null): void {
    this.#exited.resolve();
    void this.#sweep();
    const finish = (): void => {
      clearTimeout(timer);
      this.#stderr.close();
      for (const stream of this.#process.stdio) stream?.destroy();
      this.#tell(explainExit(code, signal, this.#program, this.#stderr.lastLine));
    };
    const timer = setTimeout(finish, DRAIN_MS);
    this.#process.once('close', finish);
    this.resume();
  }

  async #sweep(): Promise<void> {
    const { pid } = this.#process;
    if (pid !== undefined) {
      if (HAS_GROUPS) await endGroup(pid, this.#program.limits.childStopGraceMs);
      this.#program.guardian.remove(pid);
    }
    this.#gone.resolve();
  }

  #tell(reason: string): void {
    if (this.#told) return;
    this.#told = true;
    this.#handlers.onExit(reason);
  }
}
