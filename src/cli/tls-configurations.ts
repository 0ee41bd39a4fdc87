import type { Settings } from '#config';
import { effectiveSettings } from '#config';
import type { TlsConfiguration } from '#gateway';
import type { EventSink } from '#lib';
import { messageOf } from '#lib';
import type { ListenerFileSet } from './listener-files.ts';
import { openListenerFiles } from './listener-files.ts';

/** Puts a configuration in force; when it rejects, nothing has changed. */
type Apply = (configuration: TlsConfiguration) => Promise<void>;

/** What can change without a restart: how listeners protect their links. */
const RELOADABLE = /^(profiles\.|listeners\[\d+\]\.tls\.)/;

/**
 * What the configuration says about the TLS of listeners, with the files that it names, kept up to
 * date while the gateway runs.
 */
export class TlsConfigurations {
  readonly #stateDir: string;
  readonly #events: EventSink;
  #settings: Settings;
  #files: ListenerFileSet;
  #apply: Apply = () => Promise.resolve();
  #endWatch = (): void => undefined;
  /** One at a time: an older text must not come into force after a newer one. */
  #reloading: Promise<void> = Promise.resolve();

  private constructor(
    settings: Settings,
    files: ListenerFileSet,
    stateDir: string,
    events: EventSink,
  ) {
    this.#settings = settings;
    this.#files = files;
    this.#stateDir = stateDir;
    this.#events = events;
  }

  /** @throws LinkFileInvalid when a file cannot be read, or does not hold what it should. */
  static async open(
    settings: Settings,
    stateDir: string,
    events: EventSink,
  ): Promise<TlsConfigurations> {
    const files = await openListenerFiles(settings.listeners, stateDir, events);
    return new TlsConfigurations(settings, files, stateDir, events);
  }

  get current(): TlsConfiguration {
    return configurationOf(this.#settings, this.#files);
  }

  /** Follows the files from now on. */
  watch(apply: Apply): void {
    this.#apply = apply;
    this.#follow();
  }

  /**
   * Puts in force what can change without a restart and tells what cannot. Never throws: what cannot
   * be used is alerted and leaves in force what was.
   *
   * @param read the settings as the configuration says them now
   */
  reload(read: () => Promise<Settings>): Promise<void> {
    this.#reloading = this.#reloading.then(() => this.#reload(read));
    return this.#reloading;
  }

  /** Ends the watch. */
  close(): void {
    this.#endWatch();
  }

  async #reload(read: () => Promise<Settings>): Promise<void> {
    try {
      const found = await read();
      const changed = changedPaths(this.#settings, found);
      if (changed.length === 0) return;
      const next = withReloadable(this.#settings, found);
      const files = await openListenerFiles(next.listeners, this.#stateDir, this.#events);
      await this.#apply(configurationOf(next, files));
      this.#endWatch();
      this.#settings = next;
      this.#files = files;
      this.#follow();
      this.#tell(changed);
    } catch (thrown) {
      this.#events({
        severity: 'alert',
        name: 'config.not_reloaded',
        message: 'the changed configuration cannot be used: what was in force stays so',
        fields: { why: messageOf(thrown) },
      });
    }
  }

  #follow(): void {
    const files = this.#files;
    this.#endWatch = files.watch(() => this.#apply(configurationOf(this.#settings, files)));
  }

  #tell(changed: readonly string[]): void {
    const settings = changed.filter((path) => RELOADABLE.test(path));
    const others = changed.filter((path) => !RELOADABLE.test(path));
    if (settings.length > 0) {
      this.#events({
        severity: 'info',
        name: 'config.reloaded',
        message: 'new connections follow the changed configuration',
        fields: { settings },
      });
    }
    if (others.length === 0) return;
    this.#events({
      severity: 'warn',
      name: 'config.needs_restart',
      message: 'some changes of the configuration come into force with a restart only',
      fields: { settings: others },
    });
  }
}

function configurationOf(settings: Settings, files: ListenerFileSet): TlsConfiguration {
  const contents = files.current();
  const listeners = settings.listeners.flatMap(({ name, tls }) => {
    const content = contents.get(name);
    return tls === null || content === undefined
      ? []
      : [[name, { settings: tls, files: content }] as const];
  });
  return { profiles: settings.profiles, listeners: new Map(listeners) };
}

/** The settings in force with what the next ones say about profiles and the listeners' TLS. */
function withReloadable(inForce: Settings, next: Settings): Settings {
  const listeners = inForce.listeners.map((listener) => {
    const changed = next.listeners.find(({ name }) => name === listener.name);
    // A port cannot begin or end to speak TLS.
    return listener.tls === null || !changed?.tls ? listener : { ...listener, tls: changed.tls };
  });
  return { ...inForce, profiles: next.profiles, listeners };
}

/** Paths of the settings that differ. */
function changedPaths(one: Settings, other: Settings): readonly string[] {
  const [before, after] = [valuesOf(one), valuesOf(other)];
  const paths = new Set([...before.keys(), ...after.keys()]);
  return [...paths].filter((path) => before.get(path) !== after.get(path));
}

function valuesOf(settings: Settings): ReadonlyMap<string, string> {
  const rows = effectiveSettings(settings, () => '');
  return new Map(rows.map(({ path, value }) => [path, JSON.stringify(value)]));
}
