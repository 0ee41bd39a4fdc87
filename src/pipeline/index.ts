export { isStillPermitted, isWelcome } from './admission.ts';
export { identify } from './authenticate.ts';
export { runBatch } from './batch.ts';
export type { Call } from './call.ts';
export { ServerDenied, ServerUnknown } from './errors.ts';
export { ownerOf } from './forward.ts';
export type { ReplyHead, ReplySink } from './reply-sink.ts';
export { answerError, runCall } from './run.ts';
export type { Services } from './run.ts';
