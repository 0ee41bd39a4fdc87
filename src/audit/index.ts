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
export type { Refusal } from './group-commit.ts';
export { newCallId, sessionTag } from './id.ts';
export type { RecordStore } from './port.ts';
export { createRecorder } from './recorder.ts';
export type { Admission, LineRecorder, Recorder, RecorderStats, RecordMode } from './recorder.ts';
export { RemoteRecorder } from './remote-recorder.ts';
export type { RemoteRecorderOptions } from './remote-recorder.ts';
