/** The rooms of `src/` and who may enter whom, as data. */

/** Level of each room; imports go to a strictly lower one. Rooms may be listed before they exist. */
export const LEVELS: Readonly<Record<string, number>> = {
  lib: 0,
  crypto: 1,
  mcp: 1,
  policy: 1,
  config: 2,
  identity: 2,
  inspect: 2,
  audit: 2,
  anomaly: 2,
  oauth: 2,
  tls: 3,
  transport: 3,
  store: 3,
  telemetry: 3,
  peers: 4,
  discovery: 4,
  bridge: 4,
  pipeline: 4,
  federation: 5,
  gateway: 6,
  admin: 6,
  cli: 7,
};

/** Imports between rooms of one level, each with its reason; one that nobody uses is an error. */
export const SAME_LEVEL: readonly { from: string; to: string; reason: string }[] = [
  { from: 'policy', to: 'crypto', reason: 'the strength of a link is the registry’s to tell' },
  { from: 'policy', to: 'mcp', reason: 'what a call names is the protocol’s to tell' },
];

/** The composition root: it has no door, since nobody may enter it. */
export const ROOT_ROOM = 'cli';

/** Implementations of ports. Only the composition root chooses them. */
export const IMPLEMENTATIONS: readonly string[] = ['store', 'telemetry'];
