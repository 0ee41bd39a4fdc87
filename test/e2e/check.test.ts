/** `postern check`: files judged, and with --connect the links that they lead to. */
import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { createServer } from 'node:https';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { TestContext } from 'node:test';
import { test } from 'node:test';
import { stringify } from 'yaml';
import { createAuthority } from '../support/certificates.ts';
import { runPostern } from '../support/cli.ts';
import { listen } from '../support/http-upstream.ts';

const LAUNCHER = join(import.meta.dirname, '../../bin/postern.js');

interface Report {
  readonly ok: boolean;
  readonly policy: { readonly warnings: readonly { readonly suggestion?: string }[] };
  readonly servers?: readonly {
    readonly name: string;
    readonly kind: string;
    readonly reachable: boolean;
    readonly detail: string;
    readonly link: Record<string, unknown> | null;
    readonly notes: readonly string[];
    readonly shows?: Record<string, unknown>;
  }[];
}

async function check(
  t: TestContext,
  config: object,
  policy: object,
  ...args: readonly string[]
): Promise<{ code: number; report: Report }> {
  const directory = await mkdtemp(join(tmpdir(), 'postern-check-'));
  t.after(() => rm(directory, { recursive: true }));
  const file = join(directory, 'postern.yaml');
  await writeFile(file, stringify({ version: 1, policy: 'policy.yaml', ...config }));
  await writeFile(join(directory, 'policy.yaml'), stringify(policy));
  const { promise, resolve } = Promise.withResolvers<{ code: number; stdout: string }>();
  const child = execFile(
    process.execPath,
    [LAUNCHER, 'check', '--json', '--config', file, ...args],
    (_error, stdout) => resolve({ code: child.exitCode ?? -1, stdout }),
  );
  const { code, stdout } = await promise;
  return { code, report: JSON.parse(stdout) as Report };
}

const PROGRAM = { stdio: { command: process.execPath } };
const POLICY = { rules: [{ effect: 'allow' }] };

test('R-04 --connect tells what each hop negotiates, and where it is weaker than it could be', async (t) => {
  const authority = await createAuthority('P-256');
  const { keyPem, certPem } = await authority.issue({ kind: 'P-256' });
  const port = await listen(t, createServer({ key: keyPem, cert: certPem }));
  const directory = await mkdtemp(join(tmpdir(), 'postern-check-ca-'));
  t.after(() => rm(directory, { recursive: true }));
  const ca = join(directory, 'ca.pem');
  await writeFile(ca, authority.certPem);
  const url = `https://127.0.0.1:${port}/mcp`;
  const tls = { ca };
  const servers = { near: PROGRAM, far: { http: { url, tls } }, old: { sse: { url, tls } } };
  const { code, report } = await check(t, { servers }, POLICY, '--connect');
  assert.equal(code, 0);
  const [near, far, old] = report.servers ?? [];
  assert.deepEqual(near?.link, { kind: 'pipe', quantum_safe: true });
  assert.equal(far?.link?.['group'], 'X25519MLKEM768');
  assert.equal(far.link['peer_signature'], 'ECDSA-P256-SHA256');
  assert.deepEqual(far.link['downgrades'], ['peer_signature']);
  assert.deepEqual([old?.kind, old?.link?.['group']], ['sse', 'X25519MLKEM768']);
});

test('R-04 --connect ends with 69 when a server is not there, or not to be trusted', async (t) => {
  const authority = await createAuthority('P-256');
  const { keyPem, certPem } = await authority.issue({ kind: 'P-256' });
  const port = await listen(t, createServer({ key: keyPem, cert: certPem }));
  const servers = {
    strange: { http: { url: `https://127.0.0.1:${port}/mcp` } },
    absent: { http: { url: 'https://127.0.0.1:1/mcp' } },
  };
  const { code, report } = await check(t, { servers }, POLICY, '--connect');
  assert.equal(code, 69);
  assert.equal(report.ok, false);
  const [strange, absent] = report.servers ?? [];
  assert.match(strange?.detail ?? '', /certificate/);
  assert.match(absent?.detail ?? '', /nothing listens there/);
  assert.deepEqual([strange?.link, absent?.link], [null, null]);
  assert.equal(strange?.shows?.['subject'], 'CN=test server');
  assert.equal(strange.shows['issuer'], 'CN=Test authority');
  assert.match(String(strange.shows['pin']), /^sha256\//);
  assert.equal(strange.shows['group'], 'X25519MLKEM768');
  assert.equal(absent?.shows, undefined);
});

test('R-04 --server tries those servers alone; what only a gateway can show is pointed out', async (t) => {
  const url = 'https://127.0.0.1:1/mcp';
  const servers = {
    near: PROGRAM,
    far: { http: { url, tls: { client_certificate: 'gateway' } } },
    other: { http: { url } },
  };
  const args = ['--connect', '--server', 'near', '--server', 'far'];
  const { report } = await check(t, { servers }, POLICY, ...args);
  assert.deepEqual(
    report.servers?.map(({ name }) => name),
    ['near', 'far'],
  );
  assert.match(report.servers?.[1]?.notes.join() ?? '', /no client certificate.*running/);
  assert.equal((await check(t, { servers }, POLICY, '--connect', '--server', 'nar')).code, 64);
});

test('R-11 without --connect nothing is connected to; an unusable policy ends with 78', async (t) => {
  const servers = { absent: { http: { url: 'https://127.0.0.1:1/mcp' } } };
  const fine = await check(t, { servers }, POLICY);
  assert.deepEqual([fine.code, fine.report.ok, fine.report.servers], [0, true, undefined]);
  const unusable = { p2p_connectivity: { allowed_algos: ['X25519'] }, ...POLICY };
  assert.equal((await check(t, { servers }, unusable)).code, 78);
});

test('R-11 names from before the standards are pointed out', async (t) => {
  const policy = { p2p_connectivity: { allowed_algos: ['Kyber768', 'ML-DSA-65'] }, ...POLICY };
  const { code, report } = await check(t, { servers: { near: PROGRAM } }, policy);
  assert.equal(code, 0);
  assert.deepEqual(
    report.policy.warnings.map(({ suggestion }) => suggestion),
    ['ML-KEM-768'],
  );
});

test('R-11 a policy that is not there is told as a failure; a "-" is not taken for "not set"', async (t) => {
  const directory = await mkdtemp(join(tmpdir(), 'postern-check-'));
  t.after(() => rm(directory, { recursive: true }));
  const file = join(directory, 'postern.yaml');
  const config = { version: 1, federation: { separator: '-' }, servers: { near: PROGRAM } };
  await writeFile(file, stringify(config));
  const shown = await runPostern('check', '--config', file);
  assert.match(shown.stdout, /^ *federation\.separator +'-' /m);
  assert.match(shown.stdout, /^ *state_dir +- /m);
  await writeFile(file, stringify({ ...config, policy: 'absent.yaml' }));
  const { code, stdout, stderr } = await runPostern('check', '--config', file);
  assert.deepEqual([code, stdout], [78, '']);
  assert.match(stderr, /POSTERN_FILE_UNREADABLE/);
  assert.equal(stderr.split(join(directory, 'absent.yaml')).length, 2, stderr);
});
