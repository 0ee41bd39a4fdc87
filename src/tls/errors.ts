import { defineError } from '#lib';

export const LinkUnreadable = defineError('POSTERN_LINK_UNREADABLE', {
  meaning: 'What a TLS handshake negotiated could not be read, so the connection was destroyed.',
  hint: 'Report this with the Node.js version and the client that connected.',
});

export const ProfileUnusable = defineError('POSTERN_PROFILE_UNUSABLE', {
  meaning: 'A profile of algorithms failed its rehearsal: no client could connect under it.',
  hint: 'Use another profile, or widen allowed_algos; `postern doctor` lists what the runtime has and which certificates there are.',
});
