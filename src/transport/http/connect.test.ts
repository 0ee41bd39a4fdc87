import assert from 'node:assert/strict';
import { X509Certificate } from 'node:crypto';
import type { ServerResponse } from 'node:http';
import { createServer as createHttpServer } from 'node:http';
import { createServer } from 'node:https';
import type { ServerOptions } from 'node:https';
import { createServer as createTcpServer } from 'node:net';
import type { TestContext } from 'node:test';
import { before, test } from 'node:test';
import type { LinkSecurity, Profile } from '#crypto';
import { narrowProfile, parseAllowedAlgorithms, profileByName } from '#crypto';
import type { PosternError } from '#lib';
import { DEFAULT_LIMITS } from '#lib';
import type { Credential, TestAuthority } from '../../../test/support/certificates.ts';
import { createAuthority, selfSigned } from '../../../test/support/certificates.ts';
import { makePkcs12, NO_PKCS12 } from '../../../test/support/pkcs12.ts';
import { ANSWER, listen, post, until, upstreamFor } from '../../../test/support/http-upstream.ts';
import type { Upstream } from '../upstream.ts';
import type { HttpUpstreamTls } from './connect.ts';
import { pinOf } from './pins.ts';

const TIMEOUT = { timeout: 20_000 };

let authority: TestAuthority;
let classicalAuthority: TestAuthority;
let mlDsa: Credential;
let ecdsa: Credential;

before(async () => {
  authority = await createAuthority();
  classicalAuthority = await createAuthority('P-256');
  mlDsa = await authority.issue();
  ecdsa = await classicalAuthority.issue({ kind: 'P-256' });
});

function profile(name: 'hybrid' | 'transition'): Profile {
  const found = profileByName(name);
  assert.ok(found);
  return found;
}

function settings(overrides: Partial<HttpUpstreamTls> = {}): HttpUpstreamTls {
  const caPem = `${authority.certPem}\n${classicalAuthority.certPem}`;
  return { profile: profile('hybrid'), caPem, crls: [], serverName: null, pins: [], ...overrides };
}

/** An HTTPS server that counts its requests. */
async function serve(
  t: TestContext,
  credential: Credential,
  options: ServerOptions = {},
  host = '127.0.0.1',
): Promise<{ port: number; requests: () => number }> {
  let requests = 0;
  const tls = { key: credential.keyPem, cert: credential.certPem, ...options };
  const server = createServer(tls, (_request, response) => {
    requests += 1;
    response.writeHead(200, { 'content-type': 'application/json' }).end(ANSWER);
  });
  return { port: await listen(t, server, host), requests: () => requests };
}

async function linkTo(
  t: TestContext,
  port: number,
  tls: HttpUpstreamTls,
  host = '127.0.0.1',
): Promise<LinkSecurity & { kind: 'tls' }> {
  const { upstream } = upstreamFor(t, `https://${host}:${port}/mcp`, { tls: () => tls });
  const link = await linkOf(upstream);
  assert.ok(link.kind === 'tls');
  return link;
}

/** The hop that carries an exchange. */
async function linkOf(upstream: Upstream): Promise<LinkSecurity> {
  const links: LinkSecurity[] = [];
  await upstream.exchange(post(undefined, { onLink: (link) => links.push(link) }));
  const [link] = links;
  assert.ok(link !== undefined);
  return link;
}

test('R-01 R-03 the link is hybrid and read from the session', TIMEOUT, async (t) => {
  const names = [
    { type: 'ip' as const, value: '127.0.0.1' },
    { type: 'url' as const, value: 'spiffe://example.org/server/a' },
  ];
  const server = await serve(t, await authority.issue({ names }));
  const link = await linkTo(t, server.port, settings());
  assert.equal(link.protocol, 'TLSv1.3');
  assert.equal(link.cipher.name, 'TLS_AES_256_GCM_SHA384');
  assert.equal(link.group.name, 'X25519MLKEM768');
  assert.equal(link.peerSignature?.name, 'ML-DSA-65');
  assert.equal(link.localSignature, null);
  assert.equal(link.resumed, false);
  assert.equal(link.peer?.spiffeId, 'spiffe://example.org/server/a');
  assert.equal(link.peer.subject, 'CN=test server');
  assert.equal(link.peer.certificateSignature, 'ML-DSA-65');
  assert.ok(link.peer.notAfterMs > Date.now());
  assert.ok(link.handshakeMs > 0 && link.handshakeMs < 10_000);
});

test('R-04 other groups and signatures are read as what they are', TIMEOUT, async (t) => {
  const seen: [string, string, string][] = [];
  for (const group of ['SecP256r1MLKEM768', 'SecP384r1MLKEM1024', 'X25519', 'P-256']) {
    const { port } = await serve(t, ecdsa, { ecdhCurve: group });
    const link = await linkTo(t, port, settings({ profile: profile('transition') }));
    const issued = link.peer?.certificateSignature ?? '';
    seen.push([link.group.name, link.peerSignature?.name ?? '', issued]);
  }
  const signatures = ['ECDSA-P256-SHA256', 'ecdsa-with-SHA256'];
  assert.deepEqual(seen, [
    ['SecP256r1MLKEM768', ...signatures],
    ['SecP384r1MLKEM1024', ...signatures],
    ['X25519', ...signatures],
    ['P-256', ...signatures],
  ]);
});

test('IPv6 hosts and names of the URL are verified as such', TIMEOUT, async (t) => {
  const { port } = await serve(t, mlDsa, {}, '::1');
  assert.equal((await linkTo(t, port, settings(), '[::1]')).kind, 'tls');
  const named = await serve(t, mlDsa);
  assert.equal((await linkTo(t, named.port, settings(), 'localhost')).kind, 'tls');
});

test('a client credential is shown to a server that demands one', TIMEOUT, async (t) => {
  const { certPem, keyPem } = await authority.issue({ kind: 'ML-DSA-65' });
  const mutual = { requestCert: true, ca: authority.certPem };
  const server = await serve(t, mlDsa, mutual);
  const clientCredential = { keyPem, chainPem: certPem };
  const link = await linkTo(t, server.port, settings({ clientCredential }));
  assert.equal(link.localSignature?.name, 'ML-DSA-65');
  await assert.rejects(linkTo(t, server.port, settings()), {
    code: 'POSTERN_UPSTREAM_LINK_REFUSED',
    message: /the server demands a client certificate/,
  });
});

test(
  'R-13 a client credential in PKCS#12, and with what it signs',
  { ...TIMEOUT, skip: NO_PKCS12 },
  async (t) => {
    const client = await classicalAuthority.issue({ kind: 'P-256' });
    const pfx = await makePkcs12(client, 'a passphrase');
    const server = await serve(t, mlDsa, { requestCert: true, ca: classicalAuthority.certPem });
    const clientCredential = { pfx, passphrase: 'a passphrase' };
    const link = await linkTo(t, server.port, settings({ clientCredential }));
    assert.equal(link.localSignature?.name, 'ECDSA-P256-SHA256');
    assert.deepEqual(link.downgrades, ['local_signature']);
  },
);

test(
  'R-13 authorities in a PKCS#12 container vouch for no server',
  { ...TIMEOUT, skip: NO_PKCS12 },
  async (t) => {
    const clients = await createAuthority('P-256');
    const issuer = await clients.subordinate();
    const client = await issuer.issue({ kind: 'P-256' });
    const pfx = await makePkcs12(client, 'x', issuer.certPem + clients.certPem);
    const clientCredential = { pfx, passphrase: 'x' };
    const own = await authority.subordinate();
    const trusted = await own.issue({ kind: 'P-256' });
    const chain = { ...trusted, certPem: trusted.certPem + own.certPem };
    const good = await serve(t, chain);
    await linkTo(t, good.port, settings({ clientCredential, caPem: authority.certPem }));
    const foreign = await issuer.issue({ kind: 'P-256' });
    const message = /only an authority of the client certificate’s container vouches for it/;
    for (const shown of [foreign, { ...foreign, certPem: foreign.certPem + issuer.certPem }]) {
      const server = await serve(t, shown);
      for (const caPem of [authority.certPem, null]) {
        const link = linkTo(t, server.port, settings({ clientCredential, caPem }));
        await assert.rejects(link, { code: CERTIFICATE, message });
      }
      assert.equal(server.requests(), 0);
      await linkTo(t, server.port, settings({ clientCredential, caPem: clients.certPem }));
    }
  },
);

const CERTIFICATE = 'POSTERN_UPSTREAM_CERTIFICATE';
const LINK = 'POSTERN_UPSTREAM_LINK_REFUSED';

interface Refusal {
  readonly what: string;
  readonly code: string;
  readonly message: RegExp;
  readonly server: () => Promise<[Credential, ServerOptions?]>;
  readonly tls?: () => Partial<HttpUpstreamTls>;
}

const other = [{ type: 'dns' as const, value: 'other.example' }];

const refusals: readonly Refusal[] = [
  {
    what: 'a certificate for another name',
    code: CERTIFICATE,
    message: /another name: .*127\.0\.0\.1 is not in the cert's list/,
    server: async () => [await authority.issue({ names: other })],
  },
  {
    what: 'a certificate without the configured name',
    code: CERTIFICATE,
    message: /another name: .*wanted\.example/,
    server: async () => [mlDsa],
    tls: () => ({ serverName: 'wanted.example' }),
  },
  {
    what: 'an expired certificate',
    code: CERTIFICATE,
    message: /it has expired/,
    server: async () => [await authority.issue({ validForMs: -1000 })],
  },
  {
    what: 'a self-signed certificate',
    code: CERTIFICATE,
    message: /it is self-signed/,
    server: async () => [await selfSigned()],
  },
  {
    what: 'a certificate of an unknown authority',
    code: CERTIFICATE,
    message: /its authority is not trusted here/,
    server: async () => [mlDsa],
    tls: () => ({ caPem: classicalAuthority.certPem }),
  },
  {
    what: 'a certificate that no public authority vouches for',
    code: CERTIFICATE,
    message: /its authority is not trusted here/,
    server: async () => [mlDsa],
    tls: () => ({ caPem: null }),
  },
  {
    what: 'R-08 a server with classical groups alone',
    code: LINK,
    message: /no key-exchange group, or no certificate, that the profile allows/,
    server: async () => [ecdsa, { ecdhCurve: 'X25519:P-256' }],
  },
  {
    what: 'R-08 a server with an RSA certificate alone',
    code: LINK,
    message: /no key-exchange group, or no certificate, that the profile allows/,
    server: async () => [await classicalAuthority.issue({ kind: 'RSA' })],
  },
  {
    what: 'a server with TLS 1.2 alone',
    code: LINK,
    message: /does not speak TLS 1\.3/,
    server: async () => [ecdsa, { maxVersion: 'TLSv1.2' }],
  },
  {
    what: 'a group that policy has taken from the profile',
    code: LINK,
    message: /no key-exchange group/,
    server: async () => [mlDsa, { ecdhCurve: 'X25519MLKEM768' }],
    tls: () => ({
      profile: narrowProfile(profile('hybrid'), parseAllowedAlgorithms(['ML-KEM-1024'])),
    }),
  },
  {
    what: 'a server that speaks another protocol',
    code: LINK,
    message: /does not speak HTTP\/1\.1/,
    server: async () => [mlDsa, { ALPNProtocols: ['h2'] }],
  },
];

for (const { what, code, message, server, tls } of refusals) {
  test(`${what} is refused`, TIMEOUT, async (t) => {
    const { port, requests } = await serve(t, ...(await server()));
    const { upstream, events } = upstreamFor(t, `https://127.0.0.1:${port}/mcp`, {
      tls: () => settings(tls?.()),
    });
    await assert.rejects(upstream.exchange(post()), (error: PosternError) => {
      assert.equal(error.code, code);
      assert.match(error.message, message);
      assert.match(error.hint, /`postern check --connect --server test` shows/);
      return true;
    });
    assert.equal(requests(), 0);
    assert.equal(upstream.stats().connections, 0);
    assert.deepEqual(
      events.map((event) => [event.severity, event.name]),
      [['alert', 'upstream.connect_failed']],
    );
    const health = await upstream.health();
    assert.equal(health.reachable, false);
    assert.match(health.detail, message);
  });
}

test(
  'R-13 a pinned key that the server shows, and that signed nothing, does not count',
  TIMEOUT,
  async (t) => {
    // By its name it could be the issuer; anybody can put a name and a public key into a certificate.
    const namesake = await createAuthority();
    const { port } = await serve(t, mlDsa, { cert: mlDsa.certPem + namesake.certPem });
    const pins = [pinOf(new X509Certificate(namesake.certPem))];
    const link = linkTo(t, port, settings({ pins, caPem: authority.certPem }));
    await assert.rejects(link, { code: CERTIFICATE, message: /no key .* is pinned/ });
  },
);

test('R-21 a pinned key is asked for beside the authority: the server’s own or an authority’s', async (t) => {
  const { port, requests } = await serve(t, mlDsa);
  const pins = {
    own: pinOf(new X509Certificate(mlDsa.certPem)),
    authority: pinOf(new X509Certificate(authority.certPem)),
    other: pinOf(new X509Certificate(ecdsa.certPem)),
  };
  const linkWith = (pinned: readonly string[]) =>
    linkTo(t, port, settings({ pins: pinned, caPem: authority.certPem }));
  await linkWith([pins.own]);
  await linkWith([pins.other, pins.authority]);
  const earlier = requests();
  const message = new RegExp(`no key .* is pinned; its own is ${RegExp.escape(pins.own)}`);
  await assert.rejects(linkWith([pins.other]), { code: CERTIFICATE, message });
  assert.equal(requests(), earlier, 'no byte of HTTP');
  const untrusted = settings({ pins: [pins.own], caPem: null });
  await assert.rejects(linkTo(t, port, untrusted), { code: CERTIFICATE, message: /not trusted/ });
});

test(
  'R-13 with revocation lists every authority of the chain needs a current one',
  TIMEOUT,
  async (t) => {
    const issuer = await authority.subordinate();
    const own = await issuer.issue();
    const chain = { keyPem: own.keyPem, certPem: own.certPem + issuer.certPem };
    const { port, requests } = await serve(t, chain);
    const linkWith = (...crls: readonly string[]) => linkTo(t, port, settings({ crls }));
    const lists = {
      root: await authority.revocationList([]),
      issuer: await issuer.revocationList([]),
      revoking: await issuer.revocationList([own]),
      expired: await issuer.revocationList([], -1000),
      revokingIssuer: await authority.revocationList([{ ...own, certPem: issuer.certPem }]),
      stranger: await classicalAuthority.revocationList([]),
    };
    await linkWith();
    await linkWith(lists.root, lists.issuer);
    const earlier = requests();
    const refused: readonly (readonly [readonly string[], RegExp])[] = [
      [[lists.root, lists.revoking], /the certificate is refused: it is revoked/],
      [[lists.revokingIssuer, lists.issuer], /it is revoked/],
      [[lists.root, lists.expired], /revocation list of its authority has expired/],
      [[lists.issuer], /no revocation list of its authority/],
      [[lists.root], /no revocation list of its authority/],
      [[lists.stranger, lists.issuer], /revocation list of its authority has a wrong signature/],
    ];
    for (const [crls, message] of refused) {
      await assert.rejects(linkWith(...crls), { code: CERTIFICATE, message });
    }
    assert.equal(requests(), earlier, 'no byte of HTTP');
  },
);

test('R-08 a link that policy refuses carries no byte of HTTP', TIMEOUT, async (t) => {
  let plaintext = 0;
  let ended = false;
  const server = createServer({ key: mlDsa.keyPem, cert: mlDsa.certPem });
  server.removeAllListeners('secureConnection');
  server.on('secureConnection', (socket) => {
    socket.on('error', () => {});
    socket.on('data', (bytes) => {
      plaintext += bytes.length;
    });
  });
  server.on('connection', (socket) => {
    socket.on('close', () => {
      ended = true;
    });
  });
  const port = await listen(t, server);
  const { upstream } = upstreamFor(t, `https://127.0.0.1:${port}/mcp`, {
    tls: () => settings(),
    acceptLink: (link) => (link.kind === 'tls' ? `peer ${link.peer?.subject} is pinned` : null),
  });
  await assert.rejects(upstream.exchange(post()), {
    code: LINK,
    message: /CN=test server is pinned/,
  });
  await until(() => ended);
  assert.equal(plaintext, 0);
  assert.equal(upstream.stats().connections, 0);
});

test('a policy that fails refuses the link', TIMEOUT, async (t) => {
  const { port, requests } = await serve(t, mlDsa);
  const { upstream } = upstreamFor(t, `https://127.0.0.1:${port}/mcp`, {
    tls: () => settings(),
    acceptLink: () => {
      throw new Error('policy is broken');
    },
  });
  await assert.rejects(upstream.exchange(post()));
  assert.equal(requests(), 0);
});

test('plain HTTP leaves no machine', TIMEOUT, async (t) => {
  const { upstream } = upstreamFor(t, 'http://192.0.2.1/mcp', {
    limits: { ...DEFAULT_LIMITS, upstreamConnectTimeoutMs: 300 },
  });
  await assert.rejects(upstream.exchange(post()));
  assert.throws(() => upstreamFor(t, 'https://localhost/mcp'), TypeError);
});

test('servers that cannot be reached are named with the reason', TIMEOUT, async (t) => {
  const silent = await listen(t, createTcpServer());
  // As some do with a ClientHello of more than one packet.
  const choking = await listen(
    t,
    createTcpServer((socket) => socket.once('data', () => socket.resetAndDestroy())),
  );
  const limits = { ...DEFAULT_LIMITS, upstreamConnectTimeoutMs: 300 };
  const plain = await listen(t, createHttpServer());
  const gone = createTcpServer();
  const free = await listen(t, gone);
  gone.close();
  const cases = [
    [`http://127.0.0.1:${free}/`, null, /nothing listens there/],
    ['http://nosuch.invalid/', null, /its name (does not resolve|cannot be resolved now)/],
    [`https://127.0.0.1:${silent}/`, settings, /within 300 ms amid the TLS handshake/],
    [`https://127.0.0.1:${choking}/`, settings, /closed the connection amid the TLS handshake/],
    [`https://127.0.0.1:${plain}/`, settings, /does not speak TLS on this port/],
  ] as const;
  for (const [url, given, message] of cases) {
    const { upstream } = upstreamFor(t, url, {
      tls: given === null ? null : () => given(),
      limits,
    });
    await assert.rejects(upstream.exchange(post()), { message });
    assert.match((await upstream.health()).detail, message);
  }
});

test(
  'R-05 new settings apply to new connections, and recycling lets old ones go',
  TIMEOUT,
  async (t) => {
    const held: ServerResponse[] = [];
    const tls = { key: mlDsa.keyPem, cert: mlDsa.certPem };
    const ecdhCurve = 'X25519MLKEM768:SecP384r1MLKEM1024';
    const server = createServer({ ...tls, ecdhCurve }, (_request, response) => {
      held.push(response);
    });
    const port = await listen(t, server);
    let current = settings();
    const { upstream } = upstreamFor(t, `https://127.0.0.1:${port}/mcp`, { tls: () => current });
    const groupNow = async (): Promise<string> => {
      const link = await linkOf(upstream);
      return link.kind === 'tls' ? link.group.name : 'none';
    };
    const answer = async (): Promise<void> => {
      await until(() => held.length === 1);
      held.pop()?.writeHead(200, { 'content-type': 'application/json' }).end(ANSWER);
    };
    const busy = groupNow();
    await until(() => held.length === 1);
    const allowed = parseAllowedAlgorithms(['ML-KEM-1024']);
    current = settings({ profile: narrowProfile(profile('hybrid'), allowed) });
    upstream.recycle();
    await answer();
    assert.equal(await busy, 'X25519MLKEM768');
    await until(() => upstream.stats().connections === 0);
    const next = groupNow();
    await answer();
    assert.equal(await next, 'SecP384r1MLKEM1024');
    assert.equal(upstream.stats().connections, 1);
    upstream.recycle();
    await until(() => upstream.stats().connections === 0);
  },
);

test('health makes the hop and sends nothing', TIMEOUT, async (t) => {
  const { port, requests } = await serve(t, mlDsa);
  const { upstream } = upstreamFor(t, `https://127.0.0.1:${port}/mcp`, { tls: () => settings() });
  const health = await upstream.health();
  assert.equal(health.reachable, true);
  assert.match(health.detail, /X25519MLKEM768/);
  assert.equal(health.link?.kind, 'tls');
  assert.equal(requests(), 0);
  const { sessions, connections } = upstream.stats();
  assert.deepEqual([sessions, connections], [0, 0]);
});
