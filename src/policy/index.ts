export { denyAllPolicy } from './compile.ts';
export { decide, isVisible, mayReach, mayUseAll } from './decide.ts';
export { compileGlob, globReaches } from './glob.ts';
export { linkRefusal, profileUnder } from './link.ts';
export type { Decision, LinkPolicy, Policy, PolicyPrincipal, Rule, Subject } from './model.ts';
export { readPolicy } from './read.ts';
export type { PolicyReading } from './read.ts';
export { uriReadings } from './uri.ts';
export { policySchema } from './schema.ts';
