#!/usr/bin/env node
/**
 * Starts Postern on a Node.js that has post-quantum cryptography: on this one if it has, else on the
 * one that the npm package `node` brings, else it says what to do and exits with 78 (EX_CONFIG).
 *
 * Runs on every Node.js from 18 on, so that an old one gets an answer and not a syntax error.
 */
import { spawn, spawnSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import module, { createRequire } from 'node:module';
import { constants } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { setFlagsFromString } from 'node:v8';

// A pattern from a policy or a text from a stranger must not hold the event loop: when a regular
// expression backtracks too much, V8 goes on with its linear-time engine.
setFlagsFromString('--enable-experimental-regexp-engine-on-excessive-backtracks');
// What passes through lies outside V8's heap. Counted on its own, it has V8 mark the whole heap for every
// 64 MB of it: more than a third of the CPU of a long stream (docs/adr/0031-external-memory.md).
setFlagsFromString('--external-memory-accounted-in-global-limit');

const SELF = fileURLToPath(import.meta.url);
const EXIT_CONFIG = 78;
/** Set for the re-executed process alone: tells it to end with its launcher. */
const LAUNCHED = 'POSTERN_LAUNCHED';
/** Longest time to stop in order after the launcher was killed; over limits.drain_timeout_ms. */
const ORPHAN_GRACE_MS = 15_000;
const FORWARDED = ['SIGHUP', 'SIGINT', 'SIGQUIT', 'SIGTERM', 'SIGUSR2', 'SIGWINCH'];

if (isCapable(process.versions)) await runHere();
else launch();

/** ML-KEM and ML-DSA come with OpenSSL 3.5; the rest that Postern needs with Node.js 24. */
function isCapable(versions) {
  const [major = 0, minor = 0] = String(versions.openssl).split('.').map(Number.parseFloat);
  const hasPostQuantum = major > 3 || (major === 3 && minor >= 5);
  return hasPostQuantum && Number.parseInt(versions.node, 10) >= 24;
}

async function runHere() {
  hideExperimentalWarnings();
  if (process.env[LAUNCHED] !== undefined) endWithLauncher();
  keepCompiledCode();
  // A checkout has the source; a built package has its JavaScript.
  const entries = ['../src/cli/main.ts', '../cli/main.js'].map(
    (path) => new URL(path, import.meta.url),
  );
  const { main } = await import(entries.find((entry) => existsSync(entry)) ?? entries[1]);
  process.exitCode = await main(process.argv.slice(2));
}

/**
 * Without stripping types at each start, a checkout starts faster and 20 MB smaller. The cache stands
 * beside the packages, so whoever can write to it can change the code anyway.
 */
function keepCompiledCode() {
  const modules = join(dirname(SELF), '..', 'node_modules');
  if (existsSync(modules)) module.enableCompileCache?.(join(modules, '.cache', 'postern'));
}

/** Experimental is what Node.js calls features that Postern pins by version; the rest is shown. */
function hideExperimentalWarnings() {
  const shown = process.listeners('warning');
  process.removeAllListeners('warning');
  process.on('warning', (warning) => {
    if (warning.name === 'ExperimentalWarning') return;
    for (const listener of shown) listener.call(process, warning);
  });
}

/** A launcher that was killed outright cannot forward a signal, but its IPC channel closes. */
function endWithLauncher() {
  delete process.env[LAUNCHED];
  if (!process.connected) {
    stop();
    return;
  }
  process.once('disconnect', stop);
  process.channel.unref();
}

function stop() {
  setTimeout(() => process.exit(1), ORPHAN_GRACE_MS).unref();
  process.kill(process.pid, 'SIGTERM');
}

function launch() {
  const binary = process.env[LAUNCHED] === undefined ? findPackagedNode() : null;
  if (binary === null) {
    explain();
    return;
  }
  const child = spawn(binary, [SELF, ...process.argv.slice(2)], {
    stdio: ['inherit', 'inherit', 'inherit', 'ipc'],
    // In a process group of its own, so that Ctrl-C reaches it once: through this launcher.
    detached: true,
    env: { ...process.env, [LAUNCHED]: '1' },
  });
  child.once('error', (error) => {
    process.stderr.write(`postern: cannot run ${binary}: ${error.message}\n`);
    explain();
  });
  forwardSignals(child);
  child.once('exit', mirrorExit);
}

function forwardSignals(child) {
  for (const signal of FORWARDED) process.on(signal, () => child.kill(signal));
  process.on('SIGTSTP', () => {
    child.kill('SIGSTOP');
    process.kill(process.pid, 'SIGSTOP');
  });
  process.on('SIGCONT', () => child.kill('SIGCONT'));
}

/** Ends as the child ended, by the same signal if it was one. */
function mirrorExit(code, signal) {
  if (signal === null) {
    process.exitCode = code;
    return;
  }
  for (const name of FORWARDED) process.removeAllListeners(name);
  process.exitCode = 128 + constants.signals[signal];
  process.kill(process.pid, signal);
}

/** The binary of the npm package `node` beside Postern if it runs here and is new enough. */
function findPackagedNode() {
  try {
    const manifest = createRequire(SELF).resolve('node/package.json');
    const binary = join(dirname(manifest), 'bin', 'node');
    const probe = spawnSync(binary, ['-p', 'JSON.stringify(process.versions)'], {
      encoding: 'utf8',
      timeout: 10_000,
    });
    return isCapable(JSON.parse(probe.stdout)) ? binary : null;
  } catch {
    // Not installed, for another platform, or broken: whichever, it is of no use.
    return null;
  }
}

function explain() {
  const { node, openssl } = process.versions;
  process.stderr.write(
    [
      `postern: POSTERN_RUNTIME_TOO_OLD: Node.js ${node} with OpenSSL ${openssl} has no post-quantum cryptography.`,
      'Postern needs Node.js 24 or newer with OpenSSL 3.5 or newer. Do one of these:',
      '  - install Node.js 26 and run Postern with it;',
      `  - run \`npm install node@26\` where Postern is installed: ${dirname(dirname(SELF))}`,
      '',
    ].join('\n'),
  );
  process.exitCode = EXIT_CONFIG;
}
