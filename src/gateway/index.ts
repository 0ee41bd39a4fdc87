export { Gateway } from './gateway.ts';
export type { GatewayParts, OpenListener } from './gateway.ts';
