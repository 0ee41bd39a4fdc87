import { defineError } from '#lib';

export const AdminListenFailed = defineError('POSTERN_ADMIN_LISTEN_FAILED', {
  meaning: 'The admin port could not be opened.',
  hint: 'Choose another admin.address in postern.yaml, or stop the program that uses it.',
});
