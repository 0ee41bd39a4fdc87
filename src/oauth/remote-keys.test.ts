import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { PosternEvent } from '#lib';
import { DEFAULT_LIMITS } from '#lib';
import { keySetOf, newSigner } from './fixtures/world.ts';
import type { FetchKeySet } from './remote-keys.ts';
import { RemoteKeys } from './remote-keys.ts';
import { newWorld, NOW, presented, trusted, verifierOf } from './verifier.fixture.ts';
import type { TokenVerifier } from './verifier.ts';

const {
  keySetRefreshMs: REFRESH,
  keySetCooldownMs: COOLDOWN,
  keySetStaleMs: STALE,
} = DEFAULT_LIMITS;
const world = newWorld(['ES256']);
const next = newSigner('ES256', 'next');
const published =
  (text: string): FetchKeySet =>
  () =>
    Promise.resolve(Buffer.from(text));
const failing =
  (why: string): FetchKeySet =>
  () =>
    Promise.reject(new Error(why));

/** An issuer whose answers and clock the test sets. */
class Issuer {
  answer: FetchKeySet = published(world.keySet());
  nowMs = NOW;
  asked = 0;
  readonly events: PosternEvent[] = [];
  readonly keys: RemoteKeys;
  readonly verifier: TokenVerifier;

  constructor(keySetTimeoutMs = 5000) {
    const clock = (): number => this.nowMs;
    this.keys = new RemoteKeys({
      issuer: 'corp',
      fetch: (signal) => {
        this.asked += 1;
        return this.answer(signal);
      },
      clock,
      limits: { ...DEFAULT_LIMITS, keySetTimeoutMs },
      events: (event) => this.events.push(event),
    });
    this.verifier = verifierOf([trusted(world, { keys: this.keys })], { clock });
  }

  /** `ok`, or the code of the refusal. */
  async call(token = this.token()): Promise<string> {
    try {
      await this.verifier.verify(presented({ authorization: `Bearer ${token}` }));
      return 'ok';
    } catch (error) {
      return (error as { code: string }).code;
    }
  }

  /** A token that is good by now. */
  token(by = world.signer()): string {
    const iat = Math.floor(this.nowMs / 1000);
    return world.token({ iat, exp: iat + 300 }, {}, by);
  }
}

const UNTRUSTED = 'POSTERN_TOKEN_UNTRUSTED';
const UNAVAILABLE = 'POSTERN_TOKEN_KEYS_UNAVAILABLE';

test('R-13: keys are asked for once for all calls, and then only to refresh them', async () => {
  const issuer = new Issuer();
  const calls = await Promise.all(Array.from({ length: 50 }, () => issuer.call()));
  assert.deepEqual(new Set(calls), new Set(['ok']));
  assert.equal(issuer.asked, 1);
  issuer.nowMs += REFRESH - 1;
  assert.equal(await issuer.call(), 'ok');
  assert.equal(issuer.asked, 1);
});

test('R-13: a flood of unknown key ids asks once per cooldown', async () => {
  const issuer = new Issuer();
  await issuer.call();
  const flood = async (): Promise<Set<string>> => {
    const calls = Array.from({ length: 200 }, (_, i) =>
      issuer.call(issuer.token(Object.assign({ ...next }, { kid: `unknown-${i}` }))),
    );
    return new Set(await Promise.all(calls));
  };
  assert.deepEqual(await flood(), new Set([UNTRUSTED]));
  assert.equal(issuer.asked, 1);
  issuer.nowMs += COOLDOWN;
  assert.deepEqual(await flood(), new Set([UNTRUSTED]));
  assert.equal(issuer.asked, 2);
});

test('R-13: keys rotate under load: the new one is taken, the one that vanished is not', async () => {
  const issuer = new Issuer();
  const old = issuer.token();
  assert.equal(await issuer.call(old), 'ok');
  issuer.answer = published(keySetOf([next]));
  issuer.nowMs += COOLDOWN;
  const calls = await Promise.all(
    Array.from({ length: 20 }, () => issuer.call(issuer.token(next))),
  );
  assert.deepEqual(new Set(calls), new Set(['ok']));
  assert.equal(issuer.asked, 2);
  assert.equal(await issuer.call(old), UNTRUSTED);
  assert.equal(issuer.asked, 2);
});

test('R-13: a withdrawn key is not believed for longer because nobody called', async () => {
  const issuer = new Issuer();
  await issuer.call();
  issuer.answer = published(keySetOf([next]));
  issuer.nowMs += 2 * REFRESH;
  assert.equal(await issuer.call(), UNTRUSTED);
});

test('R-13: in an outage the last keys are believed for a while, then no token is; and it heals', async () => {
  const issuer = new Issuer();
  await issuer.call();
  issuer.answer = failing('connect ECONNREFUSED');
  for (const passedMs of [REFRESH, 2 * REFRESH, REFRESH + STALE - 1]) {
    issuer.nowMs = NOW + passedMs;
    assert.equal(await issuer.call(), 'ok', `after ${passedMs} ms`);
  }
  issuer.nowMs = NOW + REFRESH + STALE;
  assert.equal(await issuer.call(), UNAVAILABLE);
  assert.deepEqual(
    issuer.events.map(({ severity, name, fields }) => [severity, name, fields?.['error']]),
    [['alert', 'oauth.keys_unavailable', 'connect ECONNREFUSED']],
  );
  issuer.answer = published(world.keySet());
  issuer.nowMs += COOLDOWN;
  assert.equal(await issuer.call(), 'ok');
  assert.equal(issuer.events.at(-1)?.name, 'oauth.keys_available');
});

test('R-13: without any keys calls get 503, not 401, and what was no key set is told', async () => {
  const answers: readonly FetchKeySet[] = [
    failing('status 500'),
    failing('status 302'),
    published('<html></html>'),
    published('{"keys":[]}'),
    published(`{"keys":[${'{},'.repeat(90_000)}{}]}`),
    () => {
      throw new Error('thrown at once');
    },
  ];
  for (const answer of answers) {
    const issuer = new Issuer();
    issuer.answer = answer;
    assert.equal(await issuer.call(), UNAVAILABLE);
    assert.equal(await issuer.call(), UNAVAILABLE);
    assert.equal(issuer.asked, 1);
    assert.equal(issuer.events[0]?.severity, 'alert');
  }
});

test('R-13: a bad answer does not replace good keys', async () => {
  const issuer = new Issuer();
  await issuer.call();
  issuer.answer = published('{"keys":[]}');
  issuer.nowMs += COOLDOWN;
  assert.equal(await issuer.call(issuer.token(next)), UNTRUSTED);
  assert.equal(issuer.asked, 2);
  assert.equal(await issuer.call(), 'ok');
});

test('R-13: nobody waits for keys longer than the limit, even if fetching ignores its signal', async () => {
  const issuer = new Issuer(20);
  let aborted = false;
  issuer.answer = (signal) => {
    signal.addEventListener('abort', () => {
      aborted = true;
    });
    return Promise.withResolvers<Buffer>().promise;
  };
  assert.equal(await issuer.call(), UNAVAILABLE);
  assert.ok(aborted);
});

test('R-13: keys that are not used are told of', async () => {
  const issuer = new Issuer();
  const withPrivate = `{"keys":[{"kty":"oct","k":"AAAA"},${keySetOf([world.signer()]).slice(9)}`;
  issuer.answer = published(withPrivate);
  assert.equal(await issuer.call(), 'ok');
  assert.equal(issuer.events[0]?.name, 'oauth.keys_unused');
});
