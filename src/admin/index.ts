export { openAdmin } from './server.ts';
export type { AdminServer, AdminSource } from './server.ts';
