export { kindOfAddress } from './address-kind.ts';
export type { AddressKind } from './address-kind.ts';
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
export type { ErrorClass, ErrorDetails, ErrorInfo, ErrorOptions } from './errors.ts';
export type { EventSink, PosternEvent, Severity } from './events.ts';
export { mayHold } from './fair-share.ts';
export { Gather } from './gather.ts';
export { endOfJsonString, parseJson } from './json.ts';
export { Kept } from './kept.ts';
export { DEFAULT_LIMITS, LIMITS } from './limits/limits.ts';
export type { LimitName, Limits } from './limits/limits.ts';
export { makeDirectories } from './make-directories.ts';
export type { Meter } from './meter.ts';
export { replaceFile } from './replace-file.ts';
export { readSmallFile } from './small-file.ts';
export type { Deadline } from './deadline.ts';
export { startDeadline } from './deadline.ts';
export { watchFiles } from './watch-files.ts';
export { formatDiagnostics, formatPath } from './yaml-diagnostics.ts';
export type { Diagnostic } from './yaml-diagnostics.ts';
export { readYaml } from './yaml-document.ts';
export type { YamlPath, YamlSource } from './yaml-document.ts';
export { readYamlFile } from './yaml-file.ts';
export { looksSecret, maskUrls, REDACTED } from './yaml-secrets.ts';
export { checkShape } from './yaml-shape.ts';
export type { ProblemParams, ShapeProblem } from './yaml-shape.ts';
export { nearest } from './yaml-suggest.ts';
export { Slots } from './slots.ts';
