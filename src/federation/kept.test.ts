import assert from 'node:assert/strict';
import { test } from 'node:test';
import { requestFrame } from './frames.ts';
import { Knowledge } from './knowledge.ts';
import { Questions } from './questions.ts';
import { Wishes } from './wishes.ts';

test('R-25 what a session keeps of its client’s wishes is bounded', () => {
  const wishes = new Wishes();
  const subscribe = (uri: string) =>
    wishes.forOne('a', requestFrame(1, 'resources/subscribe', { uri, _meta: { more: 'x' } }));
  subscribe(`note://${'x'.repeat(5000)}`);
  for (let index = 0; index < 1200; index += 1) subscribe(`note://${index}`);
  const kept = wishes.of('a');
  assert.equal(kept.length, 1000);
  assert.deepEqual(kept.at(-1)?.params, { uri: 'note://1199' });
  wishes.forAll(requestFrame(1, 'logging/setLevel', { level: 'info', _meta: {} }), () => true);
  assert.deepEqual(wishes.of('b'), [{ method: 'logging/setLevel', params: { level: 'info' } }]);
});

test('R-25 what a session keeps of its servers’ requests is bounded', () => {
  const questions = new Questions(2);
  const long = 'x'.repeat(5000);
  assert.equal(questions.enter('a', requestFrame(long, 'ping', {})), null);
  assert.equal(
    questions.enter('a', requestFrame(1, 'ping', { _meta: { progressToken: long } })),
    null,
  );
  assert.notEqual(questions.enter('a', requestFrame(1, 'ping', {})), null);
  assert.equal(questions.find('a/1')?.id, 1);
});

test('R-18 what a server says to one caller of itself is for that caller', () => {
  const knowledge = new Knowledge(16);
  knowledge.introduced('alice', 'a', { capabilities: { tools: {} }, instructions: 'for alice' });
  assert.equal(knowledge.introduction('alice', 'a')?.instructions, 'for alice');
  assert.equal(knowledge.introduction('bob', 'a'), undefined);
  assert.ok(knowledge.lacks('alice', 'a', 'prompts'));
  assert.ok(!knowledge.lacks('bob', 'a', 'prompts'));
});
