export { openControl } from './control.ts';
export type { ControlRoute, ControlServer } from './control.ts';
export { ControlRequestInvalid } from './errors.ts';
export { openAdmin } from './server.ts';
export type { AdminServer, AdminSource } from './server.ts';
