import { defineError } from '#lib';

export const RecordStoreFailed = defineError('POSTERN_RECORD_STORE_FAILED', {
  meaning: 'The record’s directory or a new file in it could not be opened.',
  hint: 'Check that the state directory exists on a writable disk with free space and belongs to the user that runs Postern.',
});

export const RecordDirectoryUnsafe = defineError('POSTERN_RECORD_DIRECTORY_UNSAFE', {
  meaning: 'Other users of this machine can enter the record’s directory.',
  hint: 'Run `chmod 700` on the directory in the error’s details, after looking at what is in it.',
});

export const RecordFileChanged = defineError('POSTERN_RECORD_FILE_CHANGED', {
  meaning: 'A file of the record was removed, cut or written to by another program while in use.',
  hint: 'Let nothing but Postern touch the record’s directory; to archive, copy files that are complete.',
});
