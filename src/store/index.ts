export { openJsonlStore } from './jsonl/store.ts';
export type { JsonlStoreOptions } from './jsonl/store.ts';
export { readRecord } from './jsonl/read.ts';
export type { RecordLine } from './jsonl/read.ts';
