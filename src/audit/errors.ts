import { defineError } from '#lib';

export const RecordUnavailable = defineError('POSTERN_RECORD_UNAVAILABLE', {
  meaning: 'The record of calls cannot be written, so calls are refused (audit.mode: durable).',
  hint: 'Check the disk of the record directory (space, permissions, mount); calls go on by themselves once it can be written.',
  httpStatus: 503,
});
