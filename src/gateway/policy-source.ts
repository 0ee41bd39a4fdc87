import type { EventSink } from '#lib';
import { formatDiagnostics, messageOf, readYamlFile, watchFiles } from '#lib';
import type { Policy } from '#policy';
import { denyAllPolicy, readPolicy } from '#policy';

/** Why the policy in force is what it is. */
export type PolicyState = 'ok' | 'absent' | 'invalid' | 'outdated';

/** Options of {@link PolicySource}. */
export interface PolicySourceOptions {
  /** `null` when the configuration names no policy. */
  readonly file: string | null;
  readonly events: EventSink;
  /** Puts a valid policy in force. Rejects when this deployment cannot work under it. */
  readonly apply: (policy: Policy) => Promise<void>;
}

const NO_POLICY = 'none';

/**
 * Keeps the policy in force. At the start an absent or invalid file means that every call is denied;
 * later an invalid one leaves the last valid policy in force. Both alert.
 */
export class PolicySource {
  readonly #options: PolicySourceOptions;
  #state: PolicyState = 'absent';
  #hash = NO_POLICY;
  #stopWatching: (() => void) | undefined;
  /** What was found last, so that nothing is told twice. */
  #seen: string | undefined;
  /** One look at a time: an older text must not come into force after a newer one. */
  #looking: Promise<void> = Promise.resolve();

  constructor(options: PolicySourceOptions) {
    this.#options = options;
  }

  get state(): PolicyState {
    return this.#state;
  }

  /** Reads the file for the first time and puts something in force. */
  async start(): Promise<void> {
    await this.#options.apply(denyAllPolicy(NO_POLICY));
    if (this.#options.file === null) {
      this.#alert('policy.absent', 'no policy is configured: every call is denied', '');
      return;
    }
    await this.reload();
    this.#stopWatching = watchFiles([this.#options.file], {
      look: () => void this.#look(),
      onUnwatched: (error) => this.#cannotWatch(error),
    });
  }

  /** Reads the file again and tells the outcome; nothing changes unless it is valid. */
  async reload(): Promise<void> {
    this.#seen = undefined;
    await this.#look();
  }

  /** Reads the file; does nothing when it is as it was. */
  #look(): Promise<void> {
    this.#looking = this.#looking.catch(() => undefined).then(() => this.#lookOnce());
    return this.#looking;
  }

  async #lookOnce(): Promise<void> {
    const { file } = this.#options;
    if (file === null) return;
    const found = await readYamlFile(file).then(
      (text) => ({ text }),
      (thrown: unknown) => ({ problem: messageOf(thrown) }),
    );
    const seen = JSON.stringify(found);
    if (seen === this.#seen) return;
    this.#seen = seen;
    if ('problem' in found) this.#keep('absent', found.problem);
    else await this.#use(file, found.text);
  }

  async #use(file: string, text: string): Promise<void> {
    const reading = readPolicy(text, file);
    if (!reading.ok) {
      this.#keep('invalid', formatDiagnostics(reading.diagnostics, text));
      return;
    }
    if (reading.policy.hash === this.#hash) {
      this.#state = 'ok';
      return;
    }
    await this.#apply(
      reading.policy,
      reading.warnings.map((warning) => warning.message),
    );
  }

  stop(): void {
    this.#stopWatching?.();
  }

  async #apply(policy: Policy, warnings: readonly string[]): Promise<void> {
    try {
      await this.#options.apply(policy);
    } catch (thrown) {
      this.#keep('invalid', messageOf(thrown));
      return;
    }
    this.#hash = policy.hash;
    this.#state = 'ok';
    this.#options.events({
      severity: 'info',
      name: 'policy.loaded',
      message: 'policy is in force',
      fields: { policy: policy.hash, rules: policy.rules.length, warnings },
    });
  }

  #keep(state: 'absent' | 'invalid', why: string): void {
    const hadOne = this.#hash !== NO_POLICY;
    this.#state = hadOne ? 'outdated' : state;
    const consequence = hadOne
      ? 'the last valid policy stays in force'
      : 'every call is denied until it is mended';
    this.#alert(`policy.${state}`, `policy cannot be used: ${consequence}`, why);
  }

  #alert(name: string, message: string, why: string): void {
    const { file, events } = this.#options;
    events({ severity: 'alert', name, message, fields: { file, why, in_force: this.#hash } });
  }

  #cannotWatch(thrown: unknown): void {
    this.#options.events({
      severity: 'warn',
      name: 'policy.not_watched',
      message: 'the policy file cannot be watched: changes are noticed after a few seconds',
      fields: { file: this.#options.file, why: messageOf(thrown) },
    });
  }
}
