import type { SecretSource } from '#config';
import { describeSource } from '#config';
import { Kept, messageOf } from '#lib';
import { UpstreamCredentialUnavailable } from '../errors.ts';
import type { CommandContext } from './command.ts';
import type { Source } from './source.ts';
import { openSource } from './source.ts';

/** What the values of one server are used for; it decides which are legal. */
export type CredentialUse = 'header' | 'variable' | 'secret';

/** What {@link Credentials} needs. */
export interface CredentialsOptions extends CommandContext {
  readonly use: CredentialUse;
  /** By name of the header, variable or secret. */
  readonly sources: Readonly<Record<string, SecretSource>>;
}

interface Credential {
  readonly name: string;
  readonly source: Source;
  readonly kept: Kept<string>;
}

/** A server that answers 401 to everything must not have the command run for each call. */
const REFUSAL_PAUSE_MS = 10_000;

/** RFC 9110 §5.5, without the obsolete bytes above ASCII. */
const LEGAL: Readonly<Record<CredentialUse, RegExp>> = {
  header: /^[\x20-\x7e\t]+$/,
  variable: /^[^\0]+$/,
  // RFC 6749, appendix A.2.
  secret: /^[\x20-\x7e]+$/,
};

/**
 * The values for one server that change while the gateway runs: tokens in files, in the environment,
 * or printed by commands. A value that is there once stays in force until the next is.
 */
export class Credentials {
  readonly #options: CredentialsOptions;
  readonly #credentials: readonly Credential[];
  readonly #closing = new AbortController();
  #follows: readonly (() => void)[] = [];
  #current: Readonly<Record<string, string>> | null = null;
  #refusedAt = -Infinity;
  #started = false;

  constructor(options: CredentialsOptions) {
    this.#options = options;
    this.#credentials = Object.entries(options.sources).map(([name, written]) => {
      const source = openSource(written, options);
      const kept = new Kept<string>({
        read: async () => {
          const found = await source.read(this.#closing.signal);
          return { mark: found.trim(), make: () => this.#judge(name, written.prefix, found) };
        },
        onChange: () => this.#tellChange(name),
        onTrouble: (thrown) => this.#tellTrouble(name, written, kept.value !== null, thrown),
      });
      return { name, source, kept };
    });
  }

  /**
   * The values by name; the same object while none changes.
   *
   * @throws UpstreamCredentialUnavailable while one of them was never there.
   */
  current(): Readonly<Record<string, string>> {
    this.#current ??= Object.fromEntries(
      this.#credentials.map(({ name, kept }) => [name, kept.value ?? this.#missing(name)]),
    );
    return this.#current;
  }

  /** Looks for the first values, then follows their changes. Never rejects. */
  async start(): Promise<void> {
    await Promise.all(this.#credentials.map(({ kept }) => kept.refresh()));
    this.#started = true;
    if (this.#closing.signal.aborted) return;
    this.#follows = this.#credentials.map(({ source, kept }) =>
      source.follow(() => kept.refresh()),
    );
  }

  /** The server does not take the values: there may be newer ones already. */
  refused(): void {
    const now = performance.now();
    if (now - this.#refusedAt < REFUSAL_PAUSE_MS || this.#closing.signal.aborted) return;
    this.#refusedAt = now;
    for (const { kept } of this.#credentials) void kept.refresh();
  }

  /** Follows no more changes and ends the commands that run; resolves when they are gone. */
  async close(): Promise<void> {
    this.#closing.abort();
    for (const end of this.#follows) end();
    await Promise.all(this.#credentials.map(({ kept }) => kept.settled()));
  }

  /** @throws UpstreamCredentialUnavailable when the text is nothing that could be sent. */
  #judge(name: string, prefix: string, found: string): string {
    const text = found.trim();
    const { use } = this.#options;
    if (text === '') throw new UpstreamCredentialUnavailable('there is nothing in it');
    if (LEGAL[use].test(text)) return prefix + text;
    throw new UpstreamCredentialUnavailable(`what is in it is no legal value of ${use} ${name}`);
  }

  #missing(name: string): never {
    const { server, use } = this.#options;
    throw new UpstreamCredentialUnavailable(`${server}: the gateway has no ${use} ${name} yet`);
  }

  #tellChange(name: string): void {
    this.#current = null;
    if (!this.#started) return;
    const { server, use, events } = this.#options;
    events({
      severity: 'info',
      name: 'credential.rotated',
      message: `${server} is called with a new ${use} ${name} from now on`,
      fields: { upstream: server, [use]: name },
    });
  }

  #tellTrouble(name: string, source: SecretSource, inForce: boolean, thrown: unknown): void {
    if (this.#closing.signal.aborted) return;
    const { server, use, events } = this.#options;
    const consequence = inForce
      ? 'its last value stays in use'
      : `calls to ${server} fail until it is there`;
    events({
      severity: 'alert',
      name: 'credential.unusable',
      message: `the ${use} ${name} for ${server} cannot be read: ${consequence}`,
      fields: {
        upstream: server,
        [use]: name,
        source: describeSource(source),
        why: messageOf(thrown),
      },
    });
  }
}
