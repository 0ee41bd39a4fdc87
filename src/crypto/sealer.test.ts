import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { test } from 'node:test';
import fc from 'fast-check';
import { createSealer, SEALING_KEY_BYTES } from './sealer.ts';

const newKey = (): Buffer => randomBytes(SEALING_KEY_BYTES);

test('R-23 what is sealed is opened for the same purpose and context, and for no other', () => {
  const sealer = createSealer([newKey()]);
  fc.assert(
    fc.property(fc.string({ unit: 'binary' }), fc.array(fc.string()), (text, context) => {
      const plaintext = text.toWellFormed();
      const token = sealer.seal('session', context, plaintext);
      assert.match(token, /^[\w-]+$/);
      assert.equal(sealer.open('session', context, token), plaintext);
      assert.equal(sealer.open('other', context, token), null);
      assert.equal(sealer.open('session', [...context, ''], token), null);
      assert.equal(sealer.open('session', ['x', ...context], token), null);
    }),
  );
});

test('R-23 a token that was changed anywhere, cut or written in another way is not opened', () => {
  const sealer = createSealer([newKey()]);
  const token = sealer.seal('session', ['alice'], 'upstream-session');
  const bytes = Buffer.from(token, 'base64url');
  for (let index = 0; index < bytes.length; index += 1) {
    const changed = Buffer.from(bytes);
    changed[index] = (changed[index] ?? 0) ^ 1;
    assert.equal(sealer.open('session', ['alice'], changed.toString('base64url')), null);
    assert.equal(sealer.open('session', ['alice'], token.slice(0, index)), null);
  }
  for (const other of [`${token}=`, `${token} `, ` ${token}`, '', 'x', '\0']) {
    assert.equal(sealer.open('session', ['alice'], other), null);
  }
});

test('R-21 after a change of keys the old one still opens and the new one seals', () => {
  const [older, newer] = [newKey(), newKey()];
  const before = createSealer([older]).seal('session', [], 'kept');
  const both = createSealer([newer, older]);
  assert.equal(both.open('session', [], before), 'kept');
  const after = both.seal('session', [], 'new');
  assert.equal(createSealer([newer]).open('session', [], after), 'new');
  assert.equal(createSealer([older]).open('session', [], after), null);
});

test('R-23 keys of another length, or none, are refused', () => {
  for (const keys of [[], [randomBytes(16)], [newKey(), randomBytes(31)]]) {
    assert.throws(() => createSealer(keys), TypeError);
  }
});
