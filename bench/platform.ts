/** What every command of the benchmark begins with. */
import { stopAll } from './children.ts';

/** Why nothing can be measured here, `null` when it can. */
export function unsuitable(): string | null {
  if (process.platform !== 'linux') return 'CPU time is read from /proc: this needs Linux.';
  const [major = 0, minor = 0] = process.versions.openssl.split('.').map(Number);
  if (major > 3 || (major === 3 && minor >= 5)) return null;
  return 'This Node.js has no ML-KEM and ML-DSA. Start with `npm run`, which uses the right one.';
}

/** Experimental is what Node.js calls ML-DSA in WebCrypto, which makes the certificates. */
export function hideExperimentalWarnings(): void {
  const shown = process.listeners('warning');
  process.removeAllListeners('warning');
  process.on('warning', (warning) => {
    if (warning.name === 'ExperimentalWarning') return;
    for (const listener of shown) listener.call(process, warning);
  });
}

/** Ends every process at a signal, which fails what is being measured; the reason is an exit code. */
export function interruptOnSignal(): AbortSignal {
  const controller = new AbortController();
  const signals = { SIGINT: 130, SIGTERM: 143, SIGHUP: 129 };
  for (const [name, exitCode] of Object.entries(signals)) {
    process.on(name, () => {
      controller.abort(exitCode);
      void stopAll();
    });
  }
  return controller.signal;
}
