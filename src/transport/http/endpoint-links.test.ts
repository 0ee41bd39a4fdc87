import assert from 'node:assert/strict';
import { createServer } from 'node:https';
import type { TestContext } from 'node:test';
import { test } from 'node:test';
import type { LinkSecurity } from '#crypto';
import { profileByName } from '#crypto';
import { DEFAULT_LIMITS } from '#lib';
import type { Credential } from '../../../test/support/certificates.ts';
import { createAuthority } from '../../../test/support/certificates.ts';
import { ANSWER, listen, post, upstreamFor } from '../../../test/support/http-upstream.ts';

/** No pause ends before the test. */
const LIMITS = {
  ...DEFAULT_LIMITS,
  upstreamMaxFailures: 2,
  upstreamBackoffMinMs: 60_000,
  upstreamBackoffMaxMs: 60_000,
};

async function serve(t: TestContext, { keyPem, certPem }: Credential) {
  let requests = 0;
  const server = createServer({ key: keyPem, cert: certPem }, (_request, response) => {
    requests += 1;
    response.writeHead(200, { 'content-type': 'application/json' }).end(ANSWER);
  });
  const url = `https://127.0.0.1:${await listen(t, server)}/mcp`;
  return { url, requests: () => requests };
}

test('R-04 R-23 each endpoint passes every check itself; a refused one is alerted, not used', async (t) => {
  const [authority, foreign] = await Promise.all([createAuthority(), createAuthority()]);
  const good = await serve(t, await authority.issue());
  const bad = await serve(t, await foreign.issue());
  const profile = profileByName('hybrid');
  assert.ok(profile);
  const tls = { profile, caPem: authority.certPem, crls: [], serverName: null, pins: [] };
  const { upstream, events } = upstreamFor(t, [bad.url, good.url], {
    tls: () => tls,
    limits: LIMITS,
  });
  const links: LinkSecurity[] = [];
  for (let call = 0; call < 6; call += 1) {
    await upstream.exchange(post(undefined, { onLink: (link) => links.push(link) }));
  }
  assert.deepEqual([good.requests(), bad.requests(), links.length], [6, 0, 6]);
  const alerts = events.filter(({ severity }) => severity === 'alert');
  assert.deepEqual(
    alerts.map(({ name, fields }) => [name, fields?.['code']]),
    [
      ['upstream.connect_failed', 'POSTERN_UPSTREAM_CERTIFICATE'],
      ['upstream.connect_failed', 'POSTERN_UPSTREAM_CERTIFICATE'],
      ['upstream.endpoint_down', 'POSTERN_UPSTREAM_CERTIFICATE'],
    ],
  );
  const health = await upstream.health();
  assert.equal(health.reachable, false);
  assert.equal(health.endpoint?.href, bad.url);
  assert.match(health.detail, /; connected to 127/);
});

test('R-04 R-23 with no other endpoint the refusal of a certificate stays what it is', async (t) => {
  const [authority, foreign] = await Promise.all([createAuthority(), createAuthority()]);
  const bad = await serve(t, await foreign.issue());
  const profile = profileByName('hybrid');
  assert.ok(profile);
  const tls = { profile, caPem: authority.certPem, crls: [], serverName: null, pins: [] };
  const { upstream } = upstreamFor(t, bad.url, { tls: () => tls, limits: LIMITS });
  const refused = { code: 'POSTERN_UPSTREAM_CERTIFICATE' };
  for (let call = 0; call < 2; call += 1) await assert.rejects(upstream.exchange(post()), refused);
  await assert.rejects(upstream.exchange(post()), {
    code: 'POSTERN_UPSTREAM_UNAVAILABLE',
    message: /signature is wrong; it is tried again in/,
  });
});
