export { Federation } from './federation.ts';
export type { FederatedOptions } from './federated.ts';
