import { defineError } from '#lib';

export const UnknownAlgorithm = defineError('POSTERN_ALGORITHM_UNKNOWN', {
  meaning: 'Configuration or policy names an algorithm that the registry does not have.',
  hint: 'Use a name that `postern doctor` lists, such as ML-KEM-768 or ML-DSA-65.',
});

export const ProfileInvalid = defineError('POSTERN_PROFILE_INVALID', {
  meaning: 'A profile of algorithms cannot work as it is written.',
  hint: 'Compare it with the built-in profiles; `postern check` shows those and yours.',
});

export const NothingAllowed = defineError('POSTERN_ALGORITHMS_EXCLUDED', {
  meaning: 'The policy leaves no algorithm of a kind that every TLS link needs.',
  hint: 'Add a key exchange (such as ML-KEM-768) or a signature (such as ML-DSA-65) to `allowed_algos`.',
});

export const RuntimeTooOld = defineError('POSTERN_RUNTIME_TOO_OLD', {
  meaning: 'The running Node.js has no post-quantum cryptography (it needs OpenSSL 3.5 or newer).',
  hint: 'Install Node.js 26, or `npm install node@26.10.0` next to Postern.',
});
