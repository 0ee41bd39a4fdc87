/** A listener that takes access tokens: who is let in as whom, what others are told, what leaves. */
import assert from 'node:assert/strict';
import type { TestContext } from 'node:test';
import { test } from 'node:test';
import { pqFetch } from '../support/clients.ts';
import { callerNamed } from '../support/identified.ts';
import type { TestIssuer } from '../support/issuer.ts';
import { startTestIssuer } from '../support/issuer.ts';
import { startMirrorServer } from '../support/mirror-server.ts';
import { startTestPostern, temporaryFile } from '../support/postern.ts';
import { errorCodeOf, initialize, openSession, request, send } from '../support/raw.ts';
import { serveTokens } from '../support/token-endpoint.ts';
import { EVERYTHING } from '../support/transports.ts';
import { until } from '../support/until.ts';

const RULES = [
  { id: 'read', effect: 'allow', principals: ['corp:*'], scopes: ['read'], tools: ['route'] },
  { id: 'write', effect: 'allow', principals: ['corp:*'], scopes: ['read', 'write'] },
  { id: 'robot', effect: 'allow', principals: ['robot'] },
];
const CALL = request(1, 'tools/call', { name: 'route', arguments: {} });
const bearer = (token: string) => ({ authorization: `Bearer ${token}` });

async function start(t: TestContext, issuers: Readonly<Record<string, TestIssuer>>, more = {}) {
  const settings = await Promise.all(
    Object.entries(issuers).map(async ([name, { issuer, ca }]) => ({
      name,
      issuer,
      tls: { ca: await temporaryFile(t, ca) },
    })),
  );
  const mirror = await startMirrorServer();
  t.after(() => mirror.close());
  const exchange = await serveTokens(t, () => ({
    access_token: 'for-notes',
    issued_token_type: 'urn:ietf:params:oauth:token-type:access_token',
    token_type: 'Bearer',
    expires_in: 60,
  }));
  const forNotes = {
    token_endpoint: `${exchange.origin}/token`,
    client_id: 'gateway',
    client_secret: 'secret',
    exchange_from: Object.values(issuers).map(({ issuer }) => issuer),
  };
  const authorization = { scopes_supported: ['read'], issuers: settings };
  const postern = await startTestPostern({
    servers: {
      mirror: { http: { url: mirror.url }, bridge: 'off' },
      everything: { stdio: EVERYTHING, federated: false },
      notes: {
        http: { url: mirror.url, authorization: forNotes },
        bridge: 'off',
        federated: false,
      },
    },
    listeners: [{ name: 'main', address: '127.0.0.1:0', authorization }],
    policy: { rules: RULES },
    limits: { token_leeway_ms: 1000, key_set_cooldown_ms: 10 },
    ...more,
  });
  const link = pqFetch(postern);
  t.after(async () => {
    await link.close();
    await postern.stop();
  });
  return { postern, mirror, exchange, fetch: link.fetch };
}

test('R-13 R-14 R-18 a token names its caller, and leaves no trace of itself', async (t) => {
  const [corp, down] = [await startTestIssuer(t), await startTestIssuer(t)];
  down.up = false;
  const { postern, mirror, exchange, fetch } = await start(t, { corp, down });
  const url = postern.url('mirror');
  const tokenFor = (claims: object = {}): string =>
    corp.token({ sub: 'ann', aud: url, scope: 'read', marker: 'kept-to-ourselves', ...claims });
  const metadataOf = (path: string): string =>
    `${postern.endpoint}/.well-known/oauth-protected-resource${path}`;

  await t.test('whoever has none is told where to get one, by any name', async () => {
    for (const path of ['/servers/mirror/mcp', '/servers/nothing/mcp', '/sets/x/mcp', '/mcp']) {
      const refused = await send(fetch, `${postern.endpoint}${path}`, initialize());
      assert.equal(refused.status, 401, path);
      const challenge = refused.headers.get('www-authenticate') ?? '';
      assert.ok(challenge.startsWith(`Bearer resource_metadata="${metadataOf(path)}"`), challenge);
      assert.match(challenge, /, DPoP .*algs="ML-DSA-44 ML-DSA-65/);
      const described = await send(fetch, metadataOf(path), null, {}, 'GET');
      const { resource, authorization_servers: servers } = described.message ?? {};
      assert.equal(resource, `${postern.endpoint}${path}`);
      assert.deepEqual(servers, [corp.issuer, down.issuer]);
    }
    const whole = await send(fetch, metadataOf(''), null, {}, 'GET');
    assert.equal(whole.message?.['resource'], postern.endpoint);
    assert.deepEqual(whole.message?.['scopes_supported'], ['read']);
    const halves = await Promise.all([
      send(fetch, `${postern.endpoint}/servers/mirror/sse`, null, {}, 'GET'),
      send(fetch, `${postern.endpoint}/servers/mirror/messages?session=x`, CALL),
    ]);
    for (const { status, headers } of halves) {
      assert.equal(status, 401);
      assert.ok(headers.get('www-authenticate')?.includes(metadataOf('/servers/mirror/sse')));
    }
    for (const [path, method, status] of [
      ['/servers/mirror/nothing', 'GET', 404],
      ['/servers/mirror/mcp', 'POST', 405],
      ['.evil', 'GET', 404],
    ] as const) {
      const { status: found } = await send(fetch, metadataOf(path), null, {}, method);
      assert.equal(found, status, path);
    }
    assert.equal((await send(fetch, `${postern.endpoint}/nothing`, CALL)).status, 404);
  });

  await t.test(
    'whoever has a good one is called after its issuer, in policy and record',
    async () => {
      assert.equal((await send(fetch, url, CALL, bearer(tokenFor()))).status, 200);
      const site = tokenFor({ aud: [postern.endpoint, 'https://elsewhere.example'] });
      assert.equal(
        (await send(fetch, url, CALL, bearer(site))).status,
        200,
        'for the whole listener',
      );
      await until('both are recorded', async () => (await postern.record()).length >= 2);
      const [entry] = await postern.record();
      assert.equal(entry?.client.principal, 'corp:ann');
      assert.deepEqual(
        { ...entry.client.token, id: '' },
        {
          issuer: 'corp',
          subject: 'ann',
          client_id: 'agent',
          binding: 'none',
          id: '',
          algorithm: 'ES256',
          quantum_safe: false,
        },
      );
      assert.deepEqual(entry.decision.rules, ['read']);
    },
  );

  await t.test(
    'whose token is no good here gets 401, and nothing comes to the server',
    async () => {
      const before = mirror.reached.length;
      const bad = {
        'another endpoint’s': tokenFor({ aud: postern.url('everything') }),
        'a longer audience': tokenFor({ aud: `${url}/` }),
        expired: tokenFor({ exp: Math.floor(Date.now() / 1000) - 5 }),
        'of another issuer': down.token({ iss: corp.issuer, sub: 'ann', aud: url, scope: 'read' }),
        opaque: 'f00ba7',
      };
      for (const [what, token] of Object.entries(bad)) {
        const { status, headers } = await send(fetch, url, CALL, bearer(token));
        assert.equal(status, 401, what);
        assert.match(headers.get('www-authenticate') ?? '', /^Bearer error="invalid_token"/, what);
      }
      const inUrl = await send(
        fetch,
        `${url}?access_token=${tokenFor()}`,
        CALL,
        bearer(tokenFor()),
      );
      assert.equal(inUrl.status, 400);
      assert.match(inUrl.headers.get('www-authenticate') ?? '', /error="invalid_request"/);
      const outage = await send(fetch, url, CALL, bearer(down.token({ sub: 'x', aud: url })));
      assert.equal(outage.status, 503);
      assert.ok(Number(outage.headers.get('retry-after')) > 0);
      assert.equal(mirror.reached.length, before);
    },
  );

  await t.test('a missing scope is named, for all that was asked at once', async () => {
    const written = request(2, 'tools/call', { name: 'other' });
    const lacking = await send(fetch, url, written, bearer(tokenFor()));
    assert.equal(lacking.status, 403);
    const challenge = lacking.headers.get('www-authenticate') ?? '';
    assert.match(challenge, /^Bearer error="insufficient_scope".* scope="read write", resource_/);
    assert.equal(errorCodeOf(lacking), -32003);
    const granted = await send(fetch, url, written, bearer(tokenFor({ scope: 'write read' })));
    assert.notEqual(granted.status, 403);
    const nobody = await send(fetch, url, CALL, bearer(tokenFor({ scope: 'other' })));
    assert.match(nobody.headers.get('www-authenticate') ?? '', /scope="read"/);
    const many = `${postern.endpoint}/mcp`;
    const token = tokenFor({ aud: many, scope: 'other' });
    const atMany = await send(fetch, many, initialize(), bearer(token));
    assert.equal(atMany.status, 403);
    assert.match(atMany.headers.get('www-authenticate') ?? '', /scope="read"/);
  });

  await t.test('a session is its principal’s, whichever token comes', async () => {
    const mine = bearer(tokenFor({ jti: 'one' }));
    const opened = await send(fetch, url, initialize(), mine);
    const session = { 'mcp-session-id': opened.headers.get('mcp-session-id') ?? '' };
    const again = bearer(tokenFor({ jti: 'two' }));
    assert.equal((await send(fetch, url, CALL, { ...session, ...again })).status, 200);
    const other = bearer(tokenFor({ sub: 'bob' }));
    assert.equal((await send(fetch, url, CALL, { ...session, ...other })).status, 404);
  });

  await t.test(
    'a certificate alone goes on as before, and a token beside it names the caller',
    async () => {
      const robot = await callerNamed(postern, 'robot');
      const stranger = await callerNamed(postern, 'stranger');
      try {
        assert.equal((await send(robot.fetch, url, CALL)).status, 200);
        assert.equal((await send(stranger.fetch, url, CALL)).status, 401, 'a token may help it');
        const both = await send(robot.fetch, url, CALL, bearer(tokenFor({ sub: 'carol' })));
        assert.equal(both.status, 200);
        const named = async () =>
          (await postern.record()).find(({ client }) => client.principal === 'corp:carol');
        await until('the call is recorded', async () => (await named()) !== undefined);
        assert.notEqual((await named())?.client.certificate_sha256, null);
        const worse = await send(robot.fetch, url, CALL, bearer('bad'));
        assert.equal(worse.status, 401, 'no falling back to the certificate');
      } finally {
        await Promise.all([robot.close(), stranger.close()]);
      }
    },
  );

  await t.test('a stream ends with its token', async () => {
    const everything = postern.url('everything');
    const claims = { aud: everything, scope: 'read write' };
    const long = bearer(tokenFor(claims));
    const withToken: typeof fetch = (input, init) =>
      fetch(input, { ...init, headers: { ...(init?.headers as object), ...long } });
    const session = await openSession(withToken, everything);
    const open = (): Promise<Response> => {
      const short = tokenFor({ ...claims, exp: Math.floor(Date.now() / 1000) + 3 });
      const headers = { accept: 'text/event-stream', ...session, ...bearer(short) };
      return fetch(everything, { headers });
    };
    let stream = await open();
    // A slow machine may need longer than the token lives.
    while (stream.status === 401) stream = await open();
    assert.equal(stream.status, 200);
    await stream.text().catch(() => undefined);
    const environment = request(5, 'tools/call', { name: 'get-env' });
    const { message } = await send(withToken, everything, environment, session);
    assert.match(JSON.stringify(message), /PATH/);
    assert.doesNotMatch(JSON.stringify(message), /eyJ|kept-to/);
  });

  await t.test('it goes to the token service that exchanges it, and nowhere else', async () => {
    const notes = postern.url('notes');
    const token = tokenFor({ aud: notes });
    assert.equal((await send(fetch, notes, CALL, bearer(token))).status, 200);
    assert.equal(exchange.requests[0]?.form.get('subject_token'), token);
    assert.equal(mirror.reached.at(-1)?.headers.authorization, 'Bearer for-notes');
    const robot = await callerNamed(postern, 'robot');
    try {
      const { message } = await send(robot.fetch, notes, CALL);
      assert.match(JSON.stringify(message), /POSTERN_CALLER_TOKEN_REQUIRED/);
    } finally {
      await robot.close();
    }
  });

  await t.test('clients of HTTP+SSE send one with each request', async () => {
    const open = `${postern.endpoint}/servers/mirror/sse`;
    const of = (sub: string) => bearer(tokenFor({ aud: open, sub }));
    const leaving = new AbortController();
    const stream = await fetch(open, {
      headers: { accept: 'text/event-stream', ...of('ann') },
      signal: leaving.signal,
    });
    assert.equal(stream.status, 200);
    const reader = stream.body?.getReader() ?? assert.fail('no stream');
    let heard = '';
    const hear = async (pattern: RegExp): Promise<string> => {
      while (!pattern.test(heard)) {
        const { value } = await reader.read();
        heard += Buffer.from(value ?? []).toString();
      }
      return pattern.exec(heard)?.[1] ?? '';
    };
    const messages = `${postern.endpoint}${await hear(/data: (\/\S+)\n/)}`;
    const statusOf = async (headers: Record<string, string>): Promise<number> =>
      (await send(fetch, messages, initialize('2024-11-05'), headers)).status;
    assert.equal(await statusOf({}), 401);
    assert.equal(await statusOf(of('bob')), 404, 'somebody else’s stream');
    assert.equal(await statusOf(of('ann')), 202);
    assert.match(await hear(/(protocolVersion)/), /protocolVersion/);
    leaving.abort();
  });

  await t.test('metadata is for no foreign page', async () => {
    const headers = { origin: 'https://evil.example' };
    const foreign = await send(fetch, metadataOf('/mcp'), null, headers, 'GET');
    assert.equal(foreign.status, 403);
  });

  await t.test('no token is in what left the gateway', async () => {
    const sent = mirror.reached.map(({ headers, body }) => JSON.stringify(headers) + String(body));
    const told = JSON.stringify([postern.log(), await postern.record()]);
    assert.ok(sent.length > 0);
    const header = corp.token({}).split('.')[0] ?? '';
    for (const secret of [header, 'kept-to-ourselves', 'eyJ']) {
      assert.ok(!sent.join('').includes(secret), 'a server got it');
      assert.ok(!told.includes(secret), `log or record has ${secret}`);
    }
    const shown = new Set(mirror.reached.map(({ headers }) => headers.authorization));
    assert.deepEqual(shown, new Set([undefined, 'Bearer for-notes']));
  });
});
