import assert from 'node:assert/strict';
import { test } from 'node:test';
import { schemeOf } from '#config';
import * as fc from 'fast-check';
import { federatedUri, splitUri } from './uris.ts';

const alias = fc.stringMatching(/^[a-z0-9]{1,6}([_-][a-z0-9]{1,6}){0,3}$/);

test('R-23 a federated URI has a scheme of RFC 3986 and gives back server and URI', () => {
  fc.assert(
    fc.property(alias, fc.string({ minLength: 1, unit: 'binary' }), (server, uri) => {
      const scheme = schemeOf(server);
      assert.match(scheme, /^[a-z][a-z0-9+.-]*$/);
      assert.deepEqual(splitUri(federatedUri(scheme, uri)), { scheme, rest: uri });
    }),
  );
});

test('R-23 two servers never share a scheme', () => {
  fc.assert(
    fc.property(fc.uniqueArray(alias), (servers) => {
      assert.equal(new Set(servers.map(schemeOf)).size, servers.length);
    }),
  );
});

test('R-23 templates keep their braces, and a client may fold the scheme', () => {
  assert.equal(federatedUri(schemeOf('my_files'), 'file:///{path}'), 'my.files+file:///{path}');
  assert.deepEqual(splitUri('FILES+file:///A'), { scheme: 'files', rest: 'file:///A' });
  for (const uri of ['', 'file:///a', '+file:///a', 'files+', '1a+x:y']) {
    assert.equal(splitUri(uri), null, uri);
  }
});
