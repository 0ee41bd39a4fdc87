import type { ChildProcessByStdio } from 'node:child_process';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import type { Readable } from 'node:stream';
import { setTimeout as delay } from 'node:timers/promises';
import type { EventSink, Limits } from '#lib';
import { formatBytes } from '#lib';
import { UpstreamCredentialUnavailable } from '../errors.ts';
import { endGroup, HAS_GROUPS } from '../stdio/group.ts';
import type { Guardian } from '../stdio/guardian.ts';
import { StderrLog } from '../stdio/stderr.ts';

/** What a credential command runs with. */
export interface CommandContext {
  /** Server that the credential is for. */
  readonly server: string;
  /** Ends the command if this process cannot. */
  readonly guardian: Guardian;
  readonly limits: Limits;
  readonly events: EventSink;
}

/** Helpers ask servers for tokens; one that takes longer waits for somebody to log in. */
const MAX_RUN_MS = 10_000;
/** Largest output; tokens have some hundred bytes, with ML-DSA signatures some thousand. */
export const MAX_CREDENTIAL_BYTES = 16 * 1024;
const STOP_GRACE_MS = 500;
/** Time for the last output to arrive; something that the command started may hold the pipe open. */
const DRAIN_MS = 250;
/** Shorter words of the output would make the log unreadable rather than safe. */
const MIN_SECRET_CHARS = 4;

/**
 * What a command prints, run without a shell, with the gateway's environment, in a process group of
 * its own that ends with it. What it writes to stderr goes to the log, without what it printed.
 *
 * @param signal ends it early.
 * @throws UpstreamCredentialUnavailable when it cannot be started, fails, takes longer than 10 s or
 *   prints more than 16 KiB. The message tells nothing of the output.
 */
export async function runCommand(
  [program, ...args]: readonly [string, ...string[]],
  context: CommandContext,
  signal: AbortSignal,
): Promise<string> {
  signal.throwIfAborted();
  const child = spawn(program, args, {
    stdio: ['ignore', 'pipe', 'pipe'],
    detached: HAS_GROUPS,
    windowsHide: true,
  });
  const { pid } = child;
  if (pid === undefined) {
    const [error] = (await once(child, 'error')) as [NodeJS.ErrnoException];
    throw unavailable(program, `cannot be started (${error.code ?? 'unknown'})`);
  }
  child.on('error', () => undefined);
  context.guardian.add(pid);
  const stdout = new Output(child.stdout);
  const stderr = new Output(child.stderr);
  try {
    const why = await ended(child, stdout, signal);
    if (why !== null) throw unavailable(program, why);
    return stdout.text;
  } finally {
    for (const stream of [child.stdout, child.stderr]) stream.destroy();
    logErrors(stderr.text, stdout.text, pid, context);
    await endGroup(pid, STOP_GRACE_MS);
    context.guardian.remove(pid);
  }
}

/** The first bytes of a stream. */
class Output {
  readonly overflow: Promise<void>;
  readonly #chunks: Buffer[] = [];
  #length = 0;

  constructor(stream: Readable) {
    const { promise, resolve } = Promise.withResolvers<void>();
    this.overflow = promise;
    stream.on('error', () => undefined);
    stream.on('data', (chunk: Buffer) => {
      const room = MAX_CREDENTIAL_BYTES - this.#length;
      if (chunk.length > room) resolve();
      if (room <= 0) return;
      this.#chunks.push(chunk.subarray(0, room));
      this.#length += Math.min(room, chunk.length);
    });
  }

  get text(): string {
    return Buffer.concat(this.#chunks).toString();
  }
}

/** Resolves when the command is over or has to be: why it is of no use, or `null`. */
async function ended(
  child: ChildProcessByStdio<null, Readable, Readable>,
  stdout: Output,
  stop: AbortSignal,
): Promise<string | null> {
  const over = new AbortController();
  const { signal } = over;
  const exited = once(child, 'exit', { signal }).then(async ([code, killer]) => {
    await Promise.race([once(child, 'close', { signal }), delay(DRAIN_MS, null, { signal })]);
    if (code === 0) return null;
    return killer === null ? `exited with code ${code}` : `was ended by ${String(killer)}`;
  });
  const late = delay(MAX_RUN_MS, `took longer than ${MAX_RUN_MS / 1000} s`, { signal });
  const tooMuch = stdout.overflow.then(
    () => `printed more than ${formatBytes(MAX_CREDENTIAL_BYTES)}`,
  );
  const stopped = once(stop, 'abort', { signal }).then(() => 'was stopped with the gateway');
  const ends = [exited, late, tooMuch, stopped];
  try {
    return await Promise.race(ends);
  } finally {
    for (const end of ends) end.catch(() => undefined);
    over.abort();
  }
}

/** Helpers that are told to be talkative print what they got. */
function logErrors(
  errors: string,
  printed: string,
  pid: number,
  { server, limits, events }: CommandContext,
): void {
  const secrets = printed.split(/\s+/).filter(({ length }) => length >= MIN_SECRET_CHARS);
  const log = new StderrLog(server, pid, limits, events);
  log.push(Buffer.from(secrets.reduce((text, secret) => text.replaceAll(secret, '•••'), errors)));
  log.close();
}

function unavailable(program: string, why: string): Error {
  return new UpstreamCredentialUnavailable(`the command ${program} ${why}`);
}
