import assert from 'node:assert/strict';
import type { LookupAddress } from 'node:dns';
import { createServer } from 'node:http';
import { createServer as createTlsServer } from 'node:https';
import type { TLSSocket } from 'node:tls';
import { test } from 'node:test';
import { profileByName } from '#crypto';
import { createAuthority } from '../../../test/support/certificates.ts';
import { ANSWER, listen, post, upstreamFor } from '../../../test/support/http-upstream.ts';
import type { AddressRule, Reach, Resolve } from './address-guard.ts';
import { guardedLookup, judgeLiteral } from './address-guard.ts';

const TIMEOUT = { timeout: 20_000 };
const REFUSED = { code: 'POSTERN_UPSTREAM_ADDRESS_REFUSED' };

function found(...addresses: string[]): readonly LookupAddress[] {
  return addresses.map((address) => ({ address, family: address.includes(':') ? 6 : 4 }));
}

function rule(reach: Reach, isConfigured = true): AddressRule {
  return { reach, isConfigured };
}

/** The addresses to which a connection may go. */
function admitted(host: string, addresses: string[], judged: AddressRule): Promise<string[]> {
  const lookup = guardedLookup(judged, async () => found(...addresses));
  return new Promise((resolve, reject) => {
    lookup(host, { all: true }, (error, list) => {
      if (error !== null || typeof list === 'string') reject(error ?? new Error('one alone'));
      else resolve(list.map(({ address }) => address));
    });
  });
}

const PUBLIC = ['1.1.1.1', '2606:4700::1111'];
const PRIVATE = ['10.0.0.1', 'fd12::1', '100.64.0.1'];
const INSIDE = ['127.0.0.1', '169.254.169.254', '::ffff:127.0.0.1', 'fe80::1', '0.0.0.0', '::1'];

test('R-24 a name leads as far inside as its server may be, and no further', async () => {
  const all = [...PUBLIC, ...PRIVATE, ...INSIDE];
  assert.deepEqual(await admitted('mcp.example', all, rule('public')), PUBLIC);
  assert.deepEqual(await admitted('mcp.example', all, rule('private')), [...PUBLIC, ...PRIVATE]);
  assert.deepEqual(
    await admitted('mcp.example', all.toReversed(), rule('any')),
    all.slice(-8).toReversed(),
  );
  await assert.rejects(admitted('mcp.example', INSIDE, rule('private')), {
    ...REFUSED,
    message: /mcp\.example leads to 127\.0\.0\.1 \(loopback\), 169\.254\.169\.254 \(metadata\)/,
  });
  await assert.rejects(admitted('mcp.example', PRIVATE, rule('public')), REFUSED);
  await assert.rejects(admitted('mcp.example', [], rule('private')), REFUSED);
});

test('R-24 what the configuration writes is meant; what an answer names is not', async () => {
  for (const host of ['localhost', 'LOCALHOST', 'notes.localhost', 'localhost.']) {
    assert.deepEqual(await admitted(host, ['127.0.0.1', '::1'], rule('private')), [
      '127.0.0.1',
      '::1',
    ]);
    await assert.rejects(admitted(host, ['127.0.0.1'], rule('private', false)), REFUSED);
    await assert.rejects(admitted(host, ['169.254.169.254'], rule('private')), REFUSED);
  }
  await assert.rejects(admitted('notlocalhost', ['127.0.0.1'], rule('private')), REFUSED);
  for (const address of INSIDE) {
    judgeLiteral(address, rule('private'));
    assert.throws(() => judgeLiteral(address, rule('private', false)), REFUSED);
  }
  judgeLiteral('10.0.0.1', rule('private', false));
  judgeLiteral('mcp.example', rule('private', false));
});

test('who waits for the same name waits together', async () => {
  let asked = 0;
  const answer = Promise.withResolvers<readonly LookupAddress[]>();
  const lookup = guardedLookup(rule('private'), () => {
    asked += 1;
    return answer.promise;
  });
  const one = (): Promise<unknown> =>
    new Promise((resolve) => {
      lookup('mcp.example', {}, (_error, address, family) => resolve([address, family]));
    });
  const waiting = [one(), one(), one()];
  answer.resolve(found('10.0.0.1'));
  for (const each of await Promise.all(waiting)) assert.deepEqual(each, ['10.0.0.1', 4]);
  assert.equal(asked, 1);
  await one();
  assert.equal(asked, 2, 'what was once resolved is not remembered');
});

test(
  'R-24 a name that is bound anew leads nowhere: what was judged is what is connected to',
  TIMEOUT,
  async (t) => {
    const authority = await createAuthority();
    const { keyPem: key, certPem: cert } = await authority.issue({
      names: [{ type: 'dns', value: 'notes.localhost' }],
    });
    const seen: unknown[] = [];
    const server = createTlsServer({ key, cert }, ({ headers, socket }, response) => {
      seen.push([headers.host, (socket as TLSSocket & { servername: unknown }).servername]);
      response
        .writeHead(200, { 'content-type': 'application/json', connection: 'close' })
        .end(ANSWER);
    });
    const port = await listen(t, server);
    const answers = [found('127.0.0.1'), found('169.254.169.254'), found('127.0.0.1')];
    const asked: string[] = [];
    const resolve: Resolve = async (host) => {
      asked.push(host);
      return answers.shift() ?? [];
    };
    const profile = profileByName('hybrid');
    assert.ok(profile);
    const tls = { profile, caPem: authority.certPem, crls: [], serverName: null, pins: [] };
    const url = `https://notes.localhost:${port}/mcp`;
    const { upstream, events } = upstreamFor(t, url, { tls: () => tls, resolve });
    await upstream.exchange(post());
    await assert.rejects(upstream.exchange(post()), REFUSED);
    assert.equal(events.at(-1)?.severity, 'alert');
    await upstream.exchange(post());
    assert.deepEqual(asked, Array(3).fill('notes.localhost'), 'once for each connection');
    const named = [`notes.localhost:${port}`, 'notes.localhost'];
    assert.deepEqual(seen, [named, named]);
  },
);

test(
  'R-24 an address that does not answer makes way for the next that was judged',
  TIMEOUT,
  async (t) => {
    const server = createServer((_request, response) => {
      response.writeHead(200, { 'content-type': 'application/json' }).end(ANSWER);
    });
    const port = await listen(t, server);
    const resolve: Resolve = async () => found('169.254.169.254', '127.0.0.9', '127.0.0.1');
    const { upstream } = upstreamFor(t, `http://localhost:${port}/mcp`, { resolve });
    assert.equal((await upstream.exchange(post())).status, 200);
  },
);
