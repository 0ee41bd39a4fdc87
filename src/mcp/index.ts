export {
  FrameAmbiguous,
  FrameInvalidJson,
  FrameNotRpc,
  FrameTooDeep,
  FrameTooLarge,
  HeaderMismatch,
  RevisionUnsupported,
  RPC,
} from './errors.ts';
export { asRpcId, idKey, isObject, metaOf, readFrame } from './frame.ts';
export type {
  Frame,
  JsonObject,
  NotificationFrame,
  RequestFrame,
  ResponseFrame,
  RpcId,
} from './frame.ts';
export type { JsonLimits } from './json.ts';
export { REVISION_NAMES, revisionByName, UNDECLARED_REVISION } from './revisions.ts';
export type { Revision } from './revisions.ts';
