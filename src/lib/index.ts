export { formatBytes, sha256Label } from './bytes.ts';
export {
  defineError,
  errorCatalogue,
  InternalError,
  messageOf,
  PosternError,
  RPC_INTERNAL_ERROR,
  toPosternError,
} from './errors.ts';
export type { ErrorClass, ErrorDetails, ErrorInfo } from './errors.ts';
export type { EventSink, PosternEvent, Severity } from './events.ts';
export { DEFAULT_LIMITS, LIMITS } from './limits.ts';
export type { LimitName, Limits } from './limits.ts';
