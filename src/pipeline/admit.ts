import type { Recorder } from '#audit';
import type { Permitted } from './authorize.ts';

declare const admitted: unique symbol;

/** A permitted call that the record has room for; only {@link admit} makes one. */
export interface Admitted extends Permitted {
  readonly [admitted]: true;
}

/**
 * Third stage: a call is forwarded only when its entry can be written.
 *
 * @throws RecordUnavailable when the record is broken or too far behind.
 */
export function admit(permit: Permitted, recorder: Recorder): Admitted {
  recorder.admit();
  return permit as Admitted;
}
