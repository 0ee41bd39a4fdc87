import type { ChildProcess } from 'node:child_process';
import { fork } from 'node:child_process';
import { once } from 'node:events';
import type { CertificateOrder, OrderResult } from './enrol/issue-ordered.ts';
import type { GatewayLeaf, LeafRequest } from './gateway-leaves.ts';
import type { NewFile, NewIdentity } from './make-identity.ts';

/** What can be asked of the workshop's process. */
export type WorkshopRequest =
  | { readonly kind: 'authorities'; readonly wanted: NewIdentity }
  | { readonly kind: 'leaves'; readonly stateDir: string; readonly leaf: LeafRequest }
  | { readonly kind: 'client'; readonly stateDir: string; readonly order: CertificateOrder };

/** The same file name in a checkout (.ts) and in the built package (.js). */
const PROGRAM = import.meta.filename.replace(/workshop(?=\.\w+$)/, 'workshop-process');

/**
 * Makes certificates in a process of its own, from the first request on: the X.509 library takes some
 * 25 MB that nobody needs afterwards.
 */
export class Workshop {
  #child: ChildProcess | null = null;

  /** The files of new authorities. @throws Error when the process fails. */
  authorities(wanted: NewIdentity): Promise<readonly NewFile[]> {
    return this.#ask({ kind: 'authorities', wanted }) as Promise<readonly NewFile[]>;
  }

  /** New certificates of the gateway. @throws Error when the process fails. */
  leaves(stateDir: string, leaf: LeafRequest): Promise<readonly GatewayLeaf[]> {
    return this.#ask({ kind: 'leaves', stateDir, leaf }) as Promise<readonly GatewayLeaf[]>;
  }

  /** A client's certificate, or why there is none. @throws Error when the process fails. */
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
    const { signal } = stop;
    try {
      child.send(request);
      const failed = once(child, 'exit', { signal }).then(([code]) => {
        throw new Error(`making certificates ended with ${String(code)}`);
      });
      const [answer] = (await Promise.race([once(child, 'message', { signal }), failed])) as [
        unknown,
      ];
      return answer;
    } finally {
      stop.abort();
    }
  }
}

function start(): ChildProcess {
  return fork(PROGRAM, {
    execArgv: [],
    serialization: 'advanced',
    stdio: ['ignore', 'ignore', 'inherit', 'ipc'],
  });
}
