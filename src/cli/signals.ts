import type { RunningPostern } from './compose.ts';
import { EXIT } from './exit-codes.ts';

/** What signals ask for, from before the start on, so that none of them finds nobody listening. */
export class Signals {
  /** Resolves when a signal has asked for the end. */
  readonly stopped: Promise<void>;
  #postern: RunningPostern | null = null;

  constructor() {
    const { promise, resolve } = Promise.withResolvers<void>();
    this.stopped = promise;
    let asked = false;
    const onStop = (signal: NodeJS.Signals): void => {
      // The second one does not wait for calls any longer.
      if (asked) process.exit(EXIT.failure);
      asked = true;
      this.#tellStopping(signal);
      resolve();
    };
    process.on('SIGTERM', onStop);
    process.on('SIGINT', onStop);
    process.on('SIGHUP', () => void this.#postern?.reload());
  }

  /** The gateway that later signals are about. */
  attach(postern: RunningPostern): void {
    this.#postern = postern;
  }

  #tellStopping(signal: NodeJS.Signals): void {
    this.#postern?.events({
      severity: 'info',
      name: 'gateway.stopping',
      message: `${signal}: finishing ${this.#postern.gateway.callsInFlight} calls`,
    });
  }
}
