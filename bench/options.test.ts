import assert from 'node:assert/strict';
import { test } from 'node:test';
import { CASES } from './cases.ts';
import { readOptions } from './options.ts';

test('without options everything is run and published', () => {
  const { cases, rounds, publish, peers } = readOptions([]);
  assert.deepEqual([cases, rounds, publish, peers], [CASES, 5, true, []]);
});

test('some cases, or a quick run, are published only when asked, a quick run never', () => {
  assert.equal(readOptions(['--quick']).publish, false);
  assert.equal(readOptions(['--quick']).rounds, 1);
  assert.equal(readOptions(['--case', 'nginx']).publish, false);
  const { publish, cases } = readOptions(['--case', 'nginx', '--publish', '--rounds', '3']);
  assert.equal(publish, true);
  assert.deepEqual(
    cases.map(({ name }) => name),
    ['nginx'],
  );
  assert.throws(() => readOptions(['--quick', '--publish']), /quick/);
});

test('a peer has an address, credentials and a place where its CPU time is counted', () => {
  const { peers, cases, publish } = readOptions([
    '--peer=mine=https://gateway.test:8443/mcp?x=1,pid=77',
    '--peer=other=https://[::1]/,cgroup=/sys/fs/cgroup/a.slice',
    '--ca=ca.pem',
    '--header=Authorization: Bearer abc',
    '--tool=bench-echo',
  ]);
  const tls = { caFile: 'ca.pem', serverName: 'gateway.test', group: null, keyType: null };
  const headers = { authorization: 'Bearer abc' };
  assert.deepEqual(peers[0], {
    name: 'mine',
    tool: 'bench-echo',
    target: { host: 'gateway.test', port: 8443, path: '/mcp?x=1', tls, headers },
    watch: { role: 'subject', pid: 77 },
  });
  assert.deepEqual(peers[1]?.watch, { role: 'subject', cgroup: '/sys/fs/cgroup/a.slice' });
  assert.deepEqual([peers[1]?.target.host, peers[1]?.target.port], ['::1', 443]);
  assert.deepEqual(
    cases.map(({ name }) => name),
    ['direct-pq', 'postern-pq', 'postern-pq-durable'],
  );
  assert.equal(publish, false);
});

test('what cannot be meant is refused', () => {
  const wrong = [
    ['--case', 'nothing'],
    ['--rounds', '0'],
    ['--peer', 'no-address'],
    ['--peer', 'a=ftp://x/'],
    ['--peer', 'a=https://x/'],
    ['--peer', 'a=http://x/,pid=me'],
    ['--peer', 'a=http://x/', '--header', 'a: b\r\nc: d'],
    ['--what'],
  ];
  for (const args of wrong) assert.throws(() => readOptions(args), Error, args.join(' '));
});
