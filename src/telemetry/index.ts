export { createLog } from './log.ts';
export type { Log, LogOptions } from './log.ts';
export { Metrics } from './metrics.ts';
export type { Counts } from './metrics.ts';
export { visible } from './visible.ts';
