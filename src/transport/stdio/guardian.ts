import type { ChildProcess } from 'node:child_process';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { Socket } from 'node:net';
import type { EventSink } from '#lib';
import { messageOf } from '#lib';
import { HAS_GROUPS } from './group.ts';

/**
 * Reads `add <group>` and `del <group>` lines; at their end it ends every group still listed. The end
 * comes when the gateway closes the pipe or dies, by SIGKILL too, since the kernel closes it then.
 */
const SCRIPT = `
trap '' INT TERM HUP QUIT
groups=' '
while read -r verb group; do
  case "$verb$groups" in
    add*) groups="$groups$group " ;;
    del*" $group "*) groups="\${groups%% $group *} \${groups#* $group }" ;;
  esac
done
[ "$groups" = ' ' ] && exit
for group in $groups; do kill -s TERM -- "-$group"; done
sleep 1
for group in $groups; do kill -s KILL -- "-$group"; done
`;

/** A guardian that dies sooner than this is not started again. */
const YOUNG_MS = 1000;

/**
 * Sees to it that no child outlives the gateway, however the gateway ends: a `/bin/sh` in a session of
 * its own waits at the end of a pipe and kills the process groups that are left. It is started with
 * the first group and never keeps the event loop alive. Where there is no `/bin/sh`, one warning tells
 * so and nothing is guarded.
 */
export class Guardian {
  readonly #events: EventSink;
  readonly #groups = new Set<number>();
  #shell: ChildProcess | null = null;
  #startedAt = 0;
  #useless = false;

  constructor(events: EventSink) {
    this.#events = events;
  }

  /** Puts the process group that this pid leads under guard. */
  add(pid: number): void {
    this.#groups.add(pid);
    if (this.#shell === null) this.#start();
    else this.#tell(`add ${pid}\n`);
  }

  /** The group is gone. */
  remove(pid: number): void {
    if (this.#groups.delete(pid)) this.#tell(`del ${pid}\n`);
  }

  /** Ends the guardian; groups still under guard are ended with it. */
  async close(): Promise<void> {
    const shell = this.#shell;
    this.#shell = null;
    this.#useless = true;
    if (shell === null || shell.exitCode !== null || shell.signalCode !== null) return;
    shell.ref();
    const exited = once(shell, 'exit');
    shell.stdin?.end();
    await exited;
  }

  #start(): void {
    if (this.#useless) return;
    if (!HAS_GROUPS) {
      this.#giveUp('this platform has no process groups');
      return;
    }
    const shell = spawn('/bin/sh', ['-c', SCRIPT, 'postern-guardian'], {
      cwd: '/',
      env: { PATH: '/usr/bin:/bin' },
      stdio: ['pipe', 'ignore', 'ignore'],
      detached: true,
    });
    // Without free descriptors there is a child object but no pipe; the next group tries again.
    if (!hasInput(shell)) {
      shell.once('error', () => undefined);
      return;
    }
    this.#shell = shell;
    this.#startedAt = performance.now();
    shell.once('error', (error) => this.#onGone(messageOf(error)));
    shell.once('exit', () => this.#onGone('it was killed'));
    shell.stdin.on('error', () => shell.stdin.destroy());
    shell.unref();
    if (shell.stdin instanceof Socket) shell.stdin.unref();
    for (const pid of this.#groups) this.#tell(`add ${pid}\n`);
  }

  #tell(line: string): void {
    this.#shell?.stdin?.write(line);
  }

  #onGone(reason: string): void {
    if (this.#shell === null) return;
    this.#shell = null;
    if (performance.now() - this.#startedAt < YOUNG_MS) this.#giveUp(reason);
    else if (this.#groups.size > 0) this.#start();
  }

  #giveUp(reason: string): void {
    this.#useless = true;
    this.#events({
      severity: 'warn',
      name: 'upstream.guardian_missing',
      message: `server programs may outlive a killed gateway: the guardian cannot run (${reason})`,
    });
  }
}

function hasInput(shell: { stdin?: unknown }): boolean {
  return shell.stdin !== undefined;
}
