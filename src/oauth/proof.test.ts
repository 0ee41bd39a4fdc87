import assert from 'node:assert/strict';
import { test } from 'node:test';
import { RecentProofs } from './replay.ts';
import { isSameUrl } from './same-url.ts';
import { newWorld, NOW, refusalOf, trusted, verifierOf, verifyNow } from './verifier.fixture.ts';

test('R-13: a proof is remembered for as long as it could be used again', () => {
  const proofs = new RecentProofs({ rememberMs: 1000, maxProofs: 10 });
  assert.ok(proofs.firstUse('a', NOW));
  assert.ok(proofs.firstUse('b', NOW + 999));
  assert.ok(!proofs.firstUse('a', NOW + 1000));
  assert.ok(proofs.firstUse('c', NOW + 1001));
  for (const id of ['b', 'c']) assert.ok(!proofs.firstUse(id, NOW + 1999));
  assert.ok(!proofs.firstUse('c', NOW + 2001));
  assert.ok(proofs.firstUse('a', NOW + 2002));
  assert.ok(proofs.firstUse('a', NOW + 100_000));
});

test('R-13: when no more proofs can be remembered none is taken, until time has passed', () => {
  const proofs = new RecentProofs({ rememberMs: 1000, maxProofs: 2 });
  proofs.firstUse('a', NOW);
  proofs.firstUse('b', NOW);
  assert.ok(!proofs.firstUse('a', NOW));
  assert.throws(() => proofs.firstUse('c', NOW), {
    code: 'POSTERN_PROOFS_EXHAUSTED',
    httpStatus: 503,
  });
  assert.ok(proofs.firstUse('c', NOW + 2000));
});

test('R-13: strangers cannot fill what is remembered', () => {
  const world = newWorld(['ES256']);
  const replay = new RecentProofs({ rememberMs: 1000, maxProofs: 1 });
  const verifier = verifierOf([trusted(world)], { replay });
  const token = world.boundToken();
  const authorization = `DPoP ${token}`;
  const bad = [
    { authorization: `DPoP ${token}x`, dpop: world.proof(token) },
    { authorization, dpop: `${world.proof(token).slice(0, -8)}AAAAAAAA` },
    { authorization, dpop: world.proof(token, { htu: 'https://x.example' }) },
    { authorization, dpop: world.proof(token), resource: 'https://x.example' },
  ];
  for (const request of bad) assert.equal(refusalOf(verifier, request).httpStatus, 401);
  verifyNow(verifier, { authorization, dpop: world.proof(token) });
  const another = { authorization, dpop: world.proof(token) };
  assert.equal(refusalOf(verifier, another).code, 'POSTERN_PROOFS_EXHAUSTED');
});

const URL_OF_REQUEST = 'https://mcp.example/servers/a-b/mcp';

test('R-13: URLs of proofs are compared after normalisation (RFC 9449 §4.3)', () => {
  const same = [
    URL_OF_REQUEST,
    'HTTPS://MCP.example/servers/a-b/mcp',
    'https://mcp.example:443/servers/a-b/mcp',
    'https://mcp.example/servers/%61%2Db/mcp',
    'https://mcp.example/servers/x/../a-b/mcp',
    `${URL_OF_REQUEST}?x=1#y`,
  ];
  for (const htu of same) assert.ok(isSameUrl(htu, URL_OF_REQUEST), htu);
  const others = [
    'http://mcp.example/servers/a-b/mcp',
    'https://mcp.example:8443/servers/a-b/mcp',
    'https://mcp.example/servers/a%2Fb/mcp',
    'https://mcp.example/servers/A-b/mcp',
    'https://mcp.example\\servers/a-b/mcp',
    'https://mcp.example/servers/a-b/mcp\n',
    ' https://mcp.example/servers/a-b/mcp',
    'https://mcp.example./servers/a-b/mcp',
    '//mcp.example/servers/a-b/mcp',
    'data:https://mcp.example',
    `${URL_OF_REQUEST}?${'x'.repeat(3000)}`,
    '',
  ];
  for (const htu of others) {
    assert.ok(!isSameUrl(htu, URL_OF_REQUEST), JSON.stringify(htu));
  }
  assert.ok(isSameUrl('https://a/%c3%a9', 'https://a/%C3%A9'));
  assert.ok(isSameUrl('https://a', 'https://a/'));
});
