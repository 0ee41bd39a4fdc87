export { accessesOf, isGone } from './access.ts';
export type { Access } from './access.ts';
export { isBatch, readBatch } from './batch.ts';
export { always, editJson } from './edit-json.ts';
export type { Edits } from './edit-json.ts';
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
export { checkHeaders, decodeHeaderValue, encodeHeaderValue, revisionOf } from './headers.ts';
export { META_PROTOCOL_VERSION } from './shapes.ts';
export type { SingleHeaders } from './headers.ts';
export { readJsonObject } from './json-object.ts';
export { jsonLimitsOf } from './json/limits.ts';
export type { JsonLimits } from './json/limits.ts';
export { readObject } from './json/object.ts';
export { filterList } from './lists.ts';
export { isLogLevel, isSevereEnough } from './log-levels.ts';
export { headersFor } from './mirror-headers.ts';
export { checkParamHeaders, paramHeadersOf } from './param-headers.ts';
export type { ParamHeader } from './param-headers.ts';
export { checkMinimum, checkNegotiated } from './minimum.ts';
export {
  OLDEST_REVISION,
  REVISION_NAMES,
  revisionByName,
  revisionsFrom,
  UNDECLARED_REVISION,
} from './revisions.ts';
export type { Revision } from './revisions.ts';
export { noSuchResource, rpcErrorBytes } from './rpc-error.ts';
