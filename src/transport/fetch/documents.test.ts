import assert from 'node:assert/strict';
import type { IncomingMessage, ServerResponse } from 'node:http';
import { createServer as createHttpServer } from 'node:http';
import { createServer } from 'node:https';
import type { ServerOptions } from 'node:https';
import type { TLSSocket } from 'node:tls';
import type { TestContext } from 'node:test';
import { before, test } from 'node:test';
import { profileByName } from '#crypto';
import type { PosternError } from '#lib';
import { DEFAULT_LIMITS } from '#lib';
import type { DocumentFetcherOptions, FetchDocument } from '#transport';
import { createDocumentFetcher } from '#transport';
import type { Credential, TestAuthority } from '../../../test/support/certificates.ts';
import { createAuthority } from '../../../test/support/certificates.ts';
import { listen } from '../../../test/support/http-upstream.ts';

const TIMEOUT = { timeout: 20_000 };
const JSON_TYPE = { 'content-type': 'application/json' };

let authority: TestAuthority;
let credential: Credential;
let client: Credential;

before(async () => {
  authority = await createAuthority();
  credential = await authority.issue();
  client = await authority.issue();
});

type Handler = (request: IncomingMessage, response: ServerResponse) => void;

function fetcher(options: Partial<DocumentFetcherOptions> = {}): FetchDocument {
  const profile = profileByName('hybrid');
  assert.ok(profile);
  const clientCredential = { keyPem: client.keyPem, chainPem: client.certPem };
  const common = { crls: [], serverName: null, pins: [], clientCredential };
  const tls = { profile, caPem: authority.certPem, ...common };
  return createDocumentFetcher({
    server: null,
    tls: () => tls,
    limits: { ...DEFAULT_LIMITS, documentTimeoutMs: 5000 },
    events: () => undefined,
    acceptLink: () => null,
    ...options,
  });
}

/** An https: origin. */
async function serve(
  t: TestContext,
  handler: Handler,
  options: ServerOptions = {},
): Promise<string> {
  const tls = { key: credential.keyPem, cert: credential.certPem, ...options };
  return `https://localhost:${await listen(t, createServer(tls, handler))}`;
}

function code(name: string, message: RegExp = /./): object {
  return { code: `POSTERN_${name}`, message };
}

test(
  'R-04 a document comes over a link as the profile wants it, with GET or POST',
  TIMEOUT,
  async (t) => {
    const seen: unknown[] = [];
    const origin = await serve(t, (request, response) => {
      const { method, url, headers } = request;
      let body = '';
      request.on('data', (chunk: Buffer) => (body += chunk.toString()));
      request.on('end', () => {
        const { accept, authorization } = headers;
        seen.push([method, url, body, headers['content-type'], accept, authorization]);
        const status = url === '/refused' ? 400 : 200;
        response.writeHead(status, { 'content-type': 'application/jwk-set+json; charset=utf-8' });
        response.end(`{"keys":["${url}"]}`);
      });
    });
    const fetch = fetcher();
    const { value, status } = await fetch({ url: new URL(`${origin}/keys?v=1`) });
    assert.deepEqual([status, value], [200, { keys: ['/keys?v=1'] }]);
    const form = new URLSearchParams({ grant_type: 'a b', x: 'ü&' });
    const headers = { authorization: 'Basic eDp5' };
    const refused = await fetch({ url: new URL(`${origin}/refused`), form, headers });
    assert.equal(refused.status, 400);
    await assert.rejects(fetch({ url: new URL(`${origin}/refused`) }), {
      ...code('DOCUMENT_UNAVAILABLE', /answers 400/),
      details: { status: 400 },
    });
    assert.deepEqual(seen.slice(0, 2), [
      ['GET', '/keys?v=1', '', undefined, 'application/json', undefined],
      [
        'POST',
        '/refused',
        'grant_type=a+b&x=%C3%BC%26',
        'application/x-www-form-urlencoded',
        'application/json',
        'Basic eDp5',
      ],
    ]);
  },
);

test(
  'R-08 R-04 a link that profile, authority or policy does not admit carries nothing',
  TIMEOUT,
  async (t) => {
    let requests = 0;
    const count: Handler = (_request, response) => {
      requests += 1;
      response.writeHead(200, JSON_TYPE).end('{}');
    };
    const classical = new URL(await serve(t, count, { ecdhCurve: 'X25519' }));
    await assert.rejects(fetcher()({ url: classical }), code('UPSTREAM_LINK_REFUSED'));
    const url = new URL(await serve(t, count));
    await assert.rejects(fetcher({ acceptLink: () => 'not today' })({ url }), {
      ...code('UPSTREAM_LINK_REFUSED', /not today/),
    });
    const stranger = await (await createAuthority()).issue();
    const { keyPem: key, certPem: cert } = stranger;
    const foreign = new URL(await serve(t, count, { key, cert }));
    await assert.rejects(fetcher()({ url: foreign }), (error: PosternError) => {
      assert.equal(error.code, 'POSTERN_UPSTREAM_CERTIFICATE');
      assert.doesNotMatch(error.hint, /postern check/);
      return true;
    });
    const plain = new URL('http://mcp.example/keys');
    await assert.rejects(fetcher()({ url: plain }), code('DOCUMENT_INVALID', /https: alone/));
    assert.equal(requests, 0);
  },
);

test('R-24 hosts that an answer names are judged whatever they are', TIMEOUT, async (t) => {
  const port = await listen(
    t,
    createHttpServer((_request, response) => {
      response.writeHead(200, JSON_TYPE).end('{"a":1}');
    }),
  );
  const url = new URL(`http://127.0.0.1:${port}/`);
  assert.deepEqual((await fetcher()({ url })).value, { a: 1 });
  assert.equal((await fetcher()({ url, configured: new URL('/other', url) })).status, 200);
  const configured = new URL('https://login.example');
  await assert.rejects(fetcher()({ url, configured }), code('UPSTREAM_ADDRESS_REFUSED'));
  const metadata = new URL('https://169.254.169.254/latest');
  await assert.rejects(fetcher()({ url: metadata, configured }), code('UPSTREAM_ADDRESS_REFUSED'));
  const resolve = async () => [{ address: '10.0.0.1', family: 4 }];
  const inside = fetcher({ reach: 'public', resolve });
  await assert.rejects(
    inside({ url: configured }),
    code('UPSTREAM_ADDRESS_REFUSED', /10\.0\.0\.1/),
  );
});

test(
  'R-24 redirects: few, with GET alone, and nothing secret goes to another origin',
  TIMEOUT,
  async (t) => {
    const mutual = { requestCert: true, rejectUnauthorized: false, ca: authority.certPem };
    const seen: unknown[] = [];
    const answer: Handler = ({ url = '', headers, socket }, response) => {
      const { subject } = (socket as TLSSocket).getPeerCertificate();
      seen.push([url, headers.authorization, subject !== undefined]);
      const [, hops] = /^\/hops\/(\d)/.exec(url) ?? [];
      if (hops === undefined || hops === '0') response.writeHead(200, JSON_TYPE).end('{}');
      else response.writeHead(302, { location: `/hops/${Number(hops) - 1}` }).end();
    };
    const other = await serve(t, answer, mutual);
    const first = await serve(
      t,
      (request, response) => {
        const [, to] = /^\/to\/(.*)/.exec(request.url ?? '') ?? [];
        if (to === undefined) answer(request, response);
        else response.writeHead(307, { location: decodeURIComponent(to) }).end();
      },
      mutual,
    );
    const fetch = fetcher({ reach: 'any' });
    const headers = { authorization: 'Bearer s3cr3t' };
    const get = (path: string) => fetch({ url: new URL(path, first), headers });
    await get('/hops/3');
    assert.deepEqual(seen.at(-1), ['/hops/0', 'Bearer s3cr3t', true]);
    await get(`/to/${encodeURIComponent(`${other}/there`)}`);
    assert.deepEqual(seen.at(-1), ['/there', undefined, false]);
    await assert.rejects(get('/hops/4'), code('DOCUMENT_REDIRECT_REFUSED'));
    const refused = ['http://localhost/x', 'file:///etc/passwd', 'https://u:p@localhost/', '//['];
    for (const to of refused) {
      await assert.rejects(get(`/to/${encodeURIComponent(to)}`), code('DOCUMENT_REDIRECT_REFUSED'));
    }
    const form = new URLSearchParams({ client_secret: 's3cr3t' });
    await assert.rejects(fetch({ url: new URL('/hops/1', first), form }), {
      ...code('DOCUMENT_REDIRECT_REFUSED', /redirects to https:\/\/localhost:\d+\/hops\/0$/),
    });
    const strict = fetcher();
    const url = new URL(`/to/${encodeURIComponent(`${other}/inside`)}`, first);
    await assert.rejects(strict({ url }), code('UPSTREAM_ADDRESS_REFUSED'));
    assert.ok(!seen.some((each) => String(each).startsWith('/inside')));
  },
);

test('R-08 what is no small JSON document is refused, each for its reason', TIMEOUT, async (t) => {
  const { maxDocumentBytes } = DEFAULT_LIMITS;
  const cases: Readonly<Record<string, readonly [Handler, string]>> = {
    '/html': [(_, out) => out.writeHead(200, { 'content-type': 'text/html' }).end('{}'), 'INVALID'],
    '/none': [(_, out) => out.writeHead(200).end('{}'), 'INVALID'],
    '/gzip': [
      (_, out) => out.writeHead(200, { ...JSON_TYPE, 'content-encoding': 'gzip' }).end('{}'),
      'INVALID',
    ],
    '/list': [(_, out) => out.writeHead(200, JSON_TYPE).end('[]'), 'INVALID'],
    '/cut': [(_, out) => out.writeHead(200, JSON_TYPE).end('{"a":'), 'INVALID'],
    '/twice': [(_, out) => out.writeHead(200, JSON_TYPE).end('{"a":1,"a":2}'), 'INVALID'],
    '/deep': [(_, out) => out.writeHead(200, JSON_TYPE).end(`{"a":${'['.repeat(5000)}`), 'INVALID'],
    '/utf8': [
      (_, out) => out.writeHead(200, JSON_TYPE).end(Buffer.from([0x7b, 0x22, 0xff])),
      'INVALID',
    ],
    '/empty': [(_, out) => out.writeHead(204).end(), 'UNAVAILABLE'],
    '/broken': [(_, out) => out.writeHead(503, JSON_TYPE).end('{}'), 'UNAVAILABLE'],
    '/ended': [(_, out) => out.destroy(), 'UNAVAILABLE'],
    '/large': [
      (_, out) =>
        out.writeHead(200, { ...JSON_TYPE, 'content-length': maxDocumentBytes + 1 }).flushHeaders(),
      'TOO_LARGE',
    ],
    '/endless': [
      (_, out) => out.writeHead(200, JSON_TYPE).end(Buffer.alloc(maxDocumentBytes + 1, ' ')),
      'TOO_LARGE',
    ],
  };
  const origin = await serve(t, (request, response) =>
    cases[request.url ?? '']?.[0](request, response),
  );
  const fetch = fetcher();
  for (const [path, [, kind]] of Object.entries(cases)) {
    await assert.rejects(fetch({ url: new URL(path, origin) }), code(`DOCUMENT_${kind}`), path);
  }
});

test(
  'R-08 an answer has a whole time to come in, however it dawdles, and a caller may leave',
  TIMEOUT,
  async (t) => {
    const origin = await serve(t, (_request, response) => {
      response.writeHead(200, JSON_TYPE);
      const timer = setInterval(() => response.write(' '), 5);
      response.on('close', () => clearInterval(timer));
    });
    const url = new URL(origin);
    const hasty = fetcher({ limits: { ...DEFAULT_LIMITS, documentTimeoutMs: 300 } });
    await assert.rejects(hasty({ url }), code('DOCUMENT_TIMEOUT'));
    const controller = new AbortController();
    const fetching = fetcher()({ url, signal: controller.signal });
    setImmediate(() => controller.abort());
    await assert.rejects(fetching, code('CALL_CANCELLED'));
  },
);
