export { createBridge } from './bridge.ts';
export type { BridgeOptions } from './bridge.ts';
