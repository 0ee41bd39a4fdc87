import type { Command } from 'commander';
import type { RolloutOptions, RolloutStartOptions, RolloutStepOptions } from './rollout.ts';

/** Adds `postern rollout`. */
export function addRollout(program: Command, finish: (code: number) => void): void {
  const rollout = program
    .command('rollout')
    .description('change the algorithms of a running gateway in stages');
  common(rollout.command('status'))
    .description('tell what is in force, what is being tried out, and how it does')
    .action(async (options: RolloutOptions) =>
      finish(await (await import('./rollout.ts')).rolloutStatus(options)),
    );
  common(rollout.command('start'))
    .description('try a profile out on a part of the clients')
    .requiredOption('--profile <name>', 'profile to try out')
    .requiredOption('--percent <number>', 'part of the connections that get it, 0 to 100')
    .option('--no-sticky', 'choose anew for each connection, instead of by the client’s address')
    .addHelpText(
      'after',
      `
With 0 percent no client gets the profile, and \`rollout status\` tells how many would be refused.
Start again with the same profile to change the percentage. A canary whose handshakes fail more often
than the stable ones is rolled back by itself. Rollouts survive a restart of the gateway.`,
    )
    .action(async (options: RolloutStartOptions) =>
      finish(await (await import('./rollout.ts')).rolloutStart(options)),
    );
  for (const step of ['promote', 'rollback'] as const) {
    common(rollout.command(step))
      .description(
        step === 'promote'
          ? 'give all clients what is being tried out'
          : 'go back to the profile that is configured',
      )
      .option('--drain', 'end older connections now, each after the call that it carries')
      .action(async (options: RolloutStepOptions) =>
        finish(await (await import('./rollout.ts')).rolloutStep(step, options)),
      );
  }
  common(rollout.command('drain'))
    .description('end the connections of epochs that are over now, each after its call')
    .action(async (options: RolloutOptions) =>
      finish(await (await import('./rollout.ts')).rolloutDrain(options)),
    );
}

function common(command: Command): Command {
  return command
    .option('--listener <name>', 'this listener alone; all of them unless given')
    .option('--state <directory>', 'the gateway’s state directory')
    .option('-c, --config <file>', 'take the state directory from this postern.yaml')
    .option('--json', 'print JSON');
}
