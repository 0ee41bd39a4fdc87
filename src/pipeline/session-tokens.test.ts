import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { test } from 'node:test';
import fc from 'fast-check';
import type { LinkSecurity, Sealer } from '#crypto';
import { createSealer, groupByName, linkClass } from '#crypto';
import type { Authenticated } from './authenticate.ts';
import { SessionTokens } from './session-tokens.ts';

const NOT_FOUND = { code: 'POSTERN_SESSION_NOT_FOUND', httpStatus: 404, rpcCode: -32001 };
const LINKS: Readonly<Record<string, LinkSecurity>> = {
  plain: { kind: 'plain', loopback: true },
  classical: tlsLink('X25519'),
  pq: tlsLink('X25519MLKEM768'),
};

interface Caller {
  readonly server?: string;
  readonly name?: string;
  readonly source?: string;
  readonly link?: string;
  readonly token?: string | null;
}

function caller(given: Caller = {}): Authenticated {
  const {
    server = 'files',
    name = 'alice',
    source = '127.0.0.1',
    link = 'pq',
    token = null,
  } = given;
  const clientLink = LINKS[link];
  const kind = name === 'anonymous' ? 'anonymous' : 'certificate';
  const call = { server, source, clientLink, sessionId: token };
  return { call, principal: { name, kind, spiffeId: null } } as unknown as Authenticated;
}

function tokensOf(sealer: Sealer, sessionMaxAgeMs = 60_000, instance = 'here/1'): SessionTokens {
  return new SessionTokens({ sealer: () => sealer, instance, limits: { sessionMaxAgeMs } });
}

function tlsLink(group: string): LinkSecurity {
  return { kind: 'tls', group: groupByName(group) } as LinkSecurity;
}

const newSealer = (): Sealer => createSealer([randomBytes(32)]);

test('R-23 a token opens for its own caller, and hides and keeps what the server gave', () => {
  const tokens = tokensOf(newSealer());
  const visible = fc.stringMatching(/^[\x21-\x7e]{1,4096}$/);
  fc.assert(
    fc.property(visible, (upstreamId) => {
      const token = tokens.seal(caller(), upstreamId);
      assert.match(token, /^[\w-]{1,6144}$/);
      const session = tokens.open(caller({ token }));
      assert.deepEqual(
        { ...session },
        { token, upstreamId, instance: 'here/1', server: 'files', owner: 'alice' },
      );
      assert.equal(tokens.open(caller({ token })), session);
    }),
    { numRuns: 30 },
  );
  assert.equal(tokens.open(caller()), null);
});

test('R-18 R-23 a token is no session for another principal, server, address or kind of link', () => {
  const sealer = newSealer();
  const token = tokensOf(sealer).seal(caller(), 's1');
  const guest = { name: 'anonymous', source: '127.0.0.1' };
  const guestToken = tokensOf(sealer).seal(caller(guest), 's1');
  const foreign: Caller[] = [
    { token, name: 'bob' },
    { token, server: 'mail' },
    { token, link: 'classical' },
    { token, link: 'plain' },
    { ...guest, token },
    { ...guest, source: '127.0.0.2', token: guestToken },
    { token: `${token}A` },
    { token: `${token.startsWith('B') ? 'C' : 'B'}${token.slice(1)}` },
    { token: 's1' },
  ];
  const fresh = tokensOf(sealer);
  const warm = tokensOf(sealer);
  warm.open(caller({ token }));
  warm.open(caller({ ...guest, token: guestToken }));
  for (const given of foreign) {
    assert.throws(() => fresh.open(caller(given)), NOT_FOUND);
    assert.throws(() => warm.open(caller(given)), NOT_FOUND);
  }
});

test('R-23 R-25 another instance with the same keys opens a token and tells whose it was', () => {
  const sealer = newSealer();
  const token = tokensOf(sealer, 60_000, 'there/2').seal(caller(), 's1');
  assert.equal(tokensOf(sealer).open(caller({ token }))?.instance, 'there/2');
  assert.throws(() => tokensOf(newSealer()).open(caller({ token })), NOT_FOUND);
});

test('R-21 R-23 a token ends by age, and with the key that sealed it', () => {
  const expired = tokensOf(newSealer(), 0);
  assert.throws(() => expired.open(caller({ token: expired.seal(caller(), 's1') })), NOT_FOUND);
  let sealer = newSealer();
  const limits = { sessionMaxAgeMs: 60_000 };
  const tokens = new SessionTokens({ sealer: () => sealer, instance: 'here/1', limits });
  const token = tokens.seal(caller(), 's1');
  tokens.open(caller({ token }));
  sealer = newSealer();
  assert.throws(() => tokens.open(caller({ token })), NOT_FOUND);
});

test('R-23 more sessions than are remembered still open', () => {
  const tokens = tokensOf(newSealer());
  const all = Array.from({ length: 4100 }, (_, index) => tokens.seal(caller(), `s${index}`));
  for (const [index, token] of [...all, ...all.slice(0, 8)].entries()) {
    assert.equal(tokens.open(caller({ token }))?.upstreamId, `s${index % 4100}`);
  }
});

test('R-15 the kind of a link is that of its key exchange', () => {
  const kinds = Object.values(LINKS).map(linkClass);
  assert.deepEqual(kinds, ['plain', 'tls-classical', 'tls-pq']);
  assert.equal(linkClass({ kind: 'pipe' }), 'pipe');
});
