import type { FSWatcher } from 'node:fs';
import { watch } from 'node:fs';
import { dirname } from 'node:path';
import type { EventSink } from '#lib';
import { formatDiagnostics, messageOf, readYamlFile } from '#lib';
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

/** Editors write in several steps; this is when they are surely done. */
const SETTLE_MS = 150;
/** What no watcher notices, such as a change behind a symbolic link, is noticed after this. */
const POLL_MS = 5000;

const NO_POLICY = 'none';

/**
 * Keeps the policy in force. At the start an absent or invalid file means that every call is denied;
 * later an invalid one leaves the last valid policy in force. Both alert.
 */
export class PolicySource {
  readonly #options: PolicySourceOptions;
  #state: PolicyState = 'absent';
  #hash = NO_POLICY;
  #watcher: FSWatcher | undefined;
  #timer: NodeJS.Timeout | undefined;
  #poll: NodeJS.Timeout | undefined;
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
    this.#watch(this.#options.file);
    this.#poll = setInterval(() => void this.#look(), POLL_MS).unref();
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
    clearTimeout(this.#timer);
    clearInterval(this.#poll);
    this.#watcher?.close();
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

  /** Watches the directory: editors and config maps replace the file rather than write into it. */
  #watch(file: string): void {
    const changed = (): void => {
      clearTimeout(this.#timer);
      this.#timer = setTimeout(() => void this.#look(), SETTLE_MS);
      this.#timer.unref();
    };
    try {
      this.#watcher = watch(dirname(file), { persistent: false }, changed);
      this.#watcher.on('error', (error) => this.#cannotWatch(error));
    } catch (thrown) {
      this.#cannotWatch(thrown);
    }
  }

  #cannotWatch(thrown: unknown): void {
    this.#options.events({
      severity: 'warn',
      name: 'policy.not_watched',
      message: 'the policy file cannot be watched: send SIGHUP after a change',
      fields: { file: this.#options.file, why: messageOf(thrown) },
    });
  }
}
