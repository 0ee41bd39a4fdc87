import type { ChildProcess } from 'node:child_process';
import { fork } from 'node:child_process';
import { once } from 'node:events';
import { getCompileCacheDir } from 'node:module';
import { dirname } from 'node:path';
import { messageOf } from '#lib';
import type { CertificateOrder, OrderResult } from './enrol/issue-ordered.ts';
import { WorkshopFailed } from './errors.ts';
import type { GatewayLeaves, LeafRequest } from './gateway-leaves.ts';
import type { NewIdentity } from './make-identity.ts';
import type { NewFile } from './tree.ts';

/** What can be asked of the workshop's process. */
export type WorkshopRequest =
  | { readonly kind: 'authorities'; readonly wanted: NewIdentity }
  | { readonly kind: 'leaves'; readonly stateDir: string; readonly leaf: LeafRequest }
  | { readonly kind: 'client'; readonly stateDir: string; readonly order: CertificateOrder }
  | { readonly kind: 'rotation'; readonly stateDir: string; readonly issuingMaxAgeMs: number }
  | { readonly kind: 'upkeep'; readonly stateDir: string };

/** What its process answers. */
export type WorkshopAnswer =
  { readonly ok: true; readonly value: unknown } | { readonly ok: false; readonly message: string };

/** The same file name in a checkout (.ts) and in the built package (.js). */
const PROGRAM = import.meta.filename.replace(/workshop(?=\.\w+$)/, 'workshop-process');

/** Requests take a second or two, on a machine that is overloaded a few more. */
const TIME_LIMIT_MS = 30_000;

/**
 * Makes certificates in a process of its own, from the first request on: the X.509 library takes some
 * 25 MB that nobody needs afterwards. One request at a time.
 */
export class Workshop {
  readonly #timeLimitMs: number;
  #child: ChildProcess | null = null;

  constructor(timeLimitMs = TIME_LIMIT_MS) {
    this.#timeLimitMs = timeLimitMs;
  }

  /** The files of new authorities. @throws WorkshopFailed */
  authorities(wanted: NewIdentity): Promise<readonly NewFile[]> {
    return this.#ask({ kind: 'authorities', wanted }) as Promise<readonly NewFile[]>;
  }

  /** New certificates of the gateway. @throws WorkshopFailed */
  leaves(stateDir: string, leaf: LeafRequest): Promise<GatewayLeaves> {
    return this.#ask({ kind: 'leaves', stateDir, leaf }) as Promise<GatewayLeaves>;
  }

  /** Replaces the issuing CAs if that is due, and tells whether it did. @throws WorkshopFailed */
  rotateIssuingIfDue(stateDir: string, issuingMaxAgeMs: number): Promise<boolean> {
    return this.#ask({ kind: 'rotation', stateDir, issuingMaxAgeMs }) as Promise<boolean>;
  }

  /** Sees to what is derived from the authorities, such as revocation lists. @throws WorkshopFailed */
  async upkeep(stateDir: string): Promise<void> {
    await this.#ask({ kind: 'upkeep', stateDir });
  }

  /** A client's certificate, or why there is none. @throws WorkshopFailed */
  client(stateDir: string, order: CertificateOrder): Promise<OrderResult> {
    return this.#ask({ kind: 'client', stateDir, order }) as Promise<OrderResult>;
  }

  /** Lets the process go. */
  close(): void {
    if (this.#child?.connected === true) this.#child.disconnect();
  }

  async #ask(request: WorkshopRequest): Promise<unknown> {
    const child = (this.#child ??= start());
    const stop = new AbortController();
    const signal = AbortSignal.any([stop.signal, AbortSignal.timeout(this.#timeLimitMs)]);
    try {
      child.send(request);
      const failed = once(child, 'exit', { signal }).then(([code]) => {
        throw new WorkshopFailed(`making certificates ended with ${String(code)}`);
      });
      const answered = once(child, 'message', { signal }) as Promise<[WorkshopAnswer]>;
      const [answer] = await Promise.race([answered, failed]);
      if (answer.ok) return answer.value;
      throw new WorkshopFailed(`making certificates failed: ${answer.message}`);
    } catch (thrown) {
      if (thrown instanceof WorkshopFailed) throw thrown;
      // It hangs, or cannot be spoken to; the next request gets another process.
      child.kill('SIGKILL');
      this.#child = null;
      const why = signal.aborted ? `took over ${this.#timeLimitMs} ms` : messageOf(thrown);
      throw new WorkshopFailed(`making certificates failed: ${why}`, { cause: thrown });
    } finally {
      stop.abort();
    }
  }
}

function start(): ChildProcess {
  return fork(PROGRAM, {
    execArgv: [],
    env: { ...process.env, ...compileCache() },
    serialization: 'advanced',
    stdio: ['ignore', 'ignore', 'inherit', 'ipc'],
  });
}

/** It keeps compiled code where this process does, if this one does: it starts in half the time. */
function compileCache(): NodeJS.ProcessEnv {
  const own = getCompileCacheDir();
  // Below the directory that the variable names there is one for each Node.js and its flags.
  return own === undefined ? {} : { NODE_COMPILE_CACHE: dirname(own) };
}
