export { decodeEntry } from './decode.ts';
export { encodeEntry } from './encode.ts';
export type {
  CallEntry,
  ClientRecord,
  DecisionRecord,
  DigestsRecord,
  LinkRecord,
  McpRecord,
  OutcomeRecord,
  TokenRecord,
  UpstreamRecord,
} from './entry.ts';
export { RecordUnavailable } from './errors.ts';
export { newCallId, sessionTag } from './id.ts';
export type { RecordStore } from './port.ts';
export { createRecorder } from './recorder.ts';
export type { Admission, Recorder, RecorderStats, RecordMode } from './recorder.ts';
