export { accessesOf } from './access.ts';
export type { Access } from './access.ts';
export { isBatch, readBatch } from './batch.ts';
export {
  FrameAmbiguous,
  FrameInvalidJson,
  FrameNotRpc,
  FrameTooDeep,
  FrameTooLarge,
  FrameTooManyKeys,
  HeaderMismatch,
  InvalidParams,
  RevisionUnsupported,
  RPC,
} from './errors.ts';
export {
  asRpcId,
  errorFrame,
  idKey,
  isObject,
  metaEntryOf,
  metaOf,
  paramOf,
  readFrame,
  resultEntryOf,
} from './frame.ts';
export type {
  Frame,
  JsonObject,
  NotificationFrame,
  RequestFrame,
  ResponseFrame,
  RpcId,
} from './frame.ts';
export { checkHeaders, decodeHeaderValue, revisionOf } from './headers.ts';
export type { SingleHeaders } from './headers.ts';
export { jsonLimitsOf } from './json/limits.ts';
export type { JsonLimits } from './json/limits.ts';
export { filterList } from './lists.ts';
export { REVISION_NAMES, revisionByName, UNDECLARED_REVISION } from './revisions.ts';
export type { Revision } from './revisions.ts';
export { rpcErrorBytes } from './rpc-error.ts';
