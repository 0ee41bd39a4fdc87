import type { SecretSource } from '#config';
import { readSmallFile, watchFiles } from '#lib';
import { UpstreamCredentialUnavailable } from '../errors.ts';
import type { CommandContext } from './command.ts';
import { MAX_CREDENTIAL_BYTES, runCommand } from './command.ts';

/** Where one value comes from, and when it is worth another look. */
export interface Source {
  /** Rejects with a reason that tells nothing of the value. */
  readonly read: (signal: AbortSignal) => Promise<string>;
  /**
   * Has it read whenever it may have changed.
   *
   * @param refresh resolves with whether it could be read.
   * @returns what ends this.
   */
  readonly follow: (refresh: () => Promise<boolean>) => () => void;
}

/** A command that fails is tried again after this, unless it is run more often anyway. */
const RETRY_MS = 10_000;

/** How a configured source is read. */
export function openSource(source: SecretSource, context: CommandContext): Source {
  switch (source.kind) {
    case 'file':
      return fileSource(source.file);
    case 'env':
      return { read: async () => readVariable(source.variable), follow: () => () => undefined };
    case 'command':
      return {
        read: (signal) => runCommand(source.command, context, signal),
        follow: (refresh) => repeat(refresh, source.refreshMs),
      };
  }
}

function fileSource(file: string): Source {
  return {
    read: async () => String(await readSmallFile(file, MAX_CREDENTIAL_BYTES)),
    // Where the system tells of no changes, they are still noticed after a few seconds.
    follow: (refresh) => watchFiles([file], { look: () => void refresh() }),
  };
}

function readVariable(name: string): string {
  const value = process.env[name];
  if (value !== undefined) return value;
  throw new UpstreamCredentialUnavailable(`the gateway has no environment variable ${name}`);
}

function repeat(refresh: () => Promise<boolean>, everyMs: number): () => void {
  let timer: NodeJS.Timeout | undefined;
  let over = false;
  const arm = (afterMs: number): void => {
    if (over) return;
    timer = setTimeout(() => {
      void refresh().then((done) => arm(done ? everyMs : Math.min(everyMs, RETRY_MS)));
    }, afterMs).unref();
  };
  arm(everyMs);
  return () => {
    over = true;
    clearTimeout(timer);
  };
}
