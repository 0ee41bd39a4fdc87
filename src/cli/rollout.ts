import type { ListenerStatus } from '#gateway';
import { askGateway } from './control-client.ts';
import { UsageError } from './errors.ts';
import { EXIT } from './exit-codes.ts';
import { print, printJson, style, table } from './output.ts';
import type { StateOptions } from './state-option.ts';
import { stateDirOf } from './state-option.ts';

/** Options that every `postern rollout` command has. */
export interface RolloutOptions extends StateOptions {
  readonly listener?: string;
  readonly json?: boolean;
}

/** Options of `postern rollout start`. */
export interface RolloutStartOptions extends RolloutOptions {
  readonly profile: string;
  readonly percent: string;
  readonly sticky: boolean;
}

/** Options of `postern rollout promote` and `rollback`. */
export interface RolloutStepOptions extends RolloutOptions {
  readonly drain?: boolean;
}

interface Status {
  readonly listeners: readonly ListenerStatus[];
}

/** Prints what is being tried out and how it does. @throws GatewayUnavailable */
export async function rolloutStatus(options: RolloutOptions): Promise<number> {
  const status = await askGateway<Status>(await stateDirOf(options), 'GET', '/rollout', null);
  return show(status, options);
}

/** Tries a profile out on a part of the clients. @throws GatewayUnavailable, ControlFailed */
export async function rolloutStart(options: RolloutStartOptions): Promise<number> {
  const percent = Number(options.percent);
  if (!(percent >= 0 && percent <= 100)) {
    throw new UsageError(`--percent ${options.percent} is not between 0 and 100`);
  }
  const { profile, sticky, listener = null } = options;
  const input = { listener, profile, percent, sticky };
  const stateDir = await stateDirOf(options);
  return show(await askGateway<Status>(stateDir, 'POST', '/rollout/start', input), options);
}

/** Takes a step of a rollout. @throws GatewayUnavailable, ControlFailed */
export async function rolloutStep(
  step: 'promote' | 'rollback',
  options: RolloutStepOptions,
): Promise<number> {
  const { listener = null, drain = false } = options;
  const stateDir = await stateDirOf(options);
  const input = { listener, drain };
  return show(await askGateway<Status>(stateDir, 'POST', `/rollout/${step}`, input), options);
}

/** Ends the connections of epochs that are over. @throws GatewayUnavailable */
export async function rolloutDrain(options: RolloutOptions): Promise<number> {
  return show(await askGateway<Status>(await stateDirOf(options), 'POST', '/drain', null), options);
}

function show({ listeners }: Status, { listener, json }: RolloutOptions): number {
  const shown = listeners.filter(({ name }) => listener === undefined || name === listener);
  if (json === true) {
    printJson({ listeners: shown });
    return EXIT.ok;
  }
  const head = ['listener', 'epoch', 'profile', 'clients', 'connections', 'handshakes', 'failed'];
  print(table([head.map((title) => style('dim', title)), ...shown.flatMap(rowsOf)]));
  print('');
  for (const status of shown) print(`  ${sentenceOf(status)}`);
  return EXIT.ok;
}

function rowsOf({ name, report: { stable, canary, oldConnections } }: ListenerStatus): string[][] {
  const share = canary?.percent ?? 0;
  const row = (epoch: typeof stable, kind: string, part: number): string[] => [
    name,
    `${epoch.epoch} ${kind}`,
    epoch.profile,
    `${part} %`,
    String(epoch.connections),
    String(epoch.established),
    String(epoch.failed),
  ];
  const rows = [row(stable, 'stable', 100 - share)];
  if (canary !== null) rows.push(row(canary, style('yellow', 'canary'), share));
  if (oldConnections > 0) rows.push([name, 'ended', '-', '-', String(oldConnections), '-', '-']);
  return rows;
}

function sentenceOf({ name, configuredProfile, report, rollout }: ListenerStatus): string {
  const { canary } = report;
  if (canary !== null) {
    const { clientsSeen, clientsRefused } = canary;
    return `${name}: of ${clientsSeen} clients seen since the start, "${canary.profile}" refuses ${clientsRefused}`;
  }
  if (rollout?.phase === 'promoted') {
    return `${name}: "${rollout.profile}" was promoted; write it into postern.yaml, which still says "${configuredProfile}"`;
  }
  if (rollout?.phase === 'rolled_back') {
    const why = rollout.reason === null ? '' : `: ${rollout.reason}`;
    return `${name}: "${rollout.profile}" was rolled back at ${rollout.since}${why}`;
  }
  return `${name}: nothing is being tried out`;
}
