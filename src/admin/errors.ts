import { defineError } from '#lib';

export const AdminListenFailed = defineError('POSTERN_ADMIN_LISTEN_FAILED', {
  meaning: 'The admin port could not be opened.',
  hint: 'Choose another admin.address in postern.yaml, or stop the program that uses it.',
});

export const ControlRequestInvalid = defineError('POSTERN_CONTROL_REQUEST_INVALID', {
  meaning: 'A command asked the running gateway for something that it does not understand.',
  hint: 'Use the `postern` of the same version as the gateway that runs.',
  httpStatus: 400,
});
