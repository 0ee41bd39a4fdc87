export { isStillPermitted, isWelcome } from './admission.ts';
export { identify, ownerOf } from './authenticate.ts';
export { runBatch } from './batch.ts';
export type { Call } from './call.ts';
export { ServerUnknown } from './errors.ts';
export type { ReplyHead, ReplySink } from './reply-sink.ts';
export { answerError, runCall } from './run.ts';
export type { Services } from './run.ts';
