import { defineError } from '#lib';

export const LinkUnreadable = defineError('POSTERN_LINK_UNREADABLE', {
  meaning: 'What a TLS handshake negotiated could not be read, so the connection was destroyed.',
  hint: 'Report this with the Node.js version and the client that connected.',
});
