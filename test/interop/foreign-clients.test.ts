import assert from 'node:assert/strict';
import { execFile, spawnSync } from 'node:child_process';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { promisify } from 'node:util';
import type { TestPostern } from '../support/postern.ts';
import { startTestPostern } from '../support/postern.ts';

// Official MCP clients in other languages, on their own TLS. They fetch packages from their registries,
// so they run with `npm run interop` alone.

const run = promisify(execFile);
const EVERYTHING = join(
  import.meta.dirname,
  '../../node_modules/@modelcontextprotocol/server-everything/dist/index.js',
);

let postern: TestPostern;
let scratch: string;
before(async () => {
  scratch = await mkdtemp(join(tmpdir(), 'postern-interop-'));
  postern = await startTestPostern({
    servers: { everything: { stdio: { command: process.execPath, args: [EVERYTHING] } } },
  });
});
after(async () => {
  await postern.stop();
  await rm(scratch, { recursive: true, force: true });
});

function missing(...command: [string, ...string[]]): string | false {
  const [program, ...args] = command;
  return spawnSync(program, args).status === 0 ? false : `${program} is not installed`;
}

test(
  'R-01 R-03 R-23 the Go SDK calls over X25519MLKEM768 and is shown ECDSA',
  {
    skip: missing('go', 'version'),
  },
  async () => {
    const ca = join(scratch, 'ca.crt');
    await writeFile(ca, postern.ca);
    const { stdout } = await run('go', ['run', '.', postern.url('everything'), ca], {
      cwd: join(import.meta.dirname, 'go-client'),
    });
    const report = JSON.parse(stdout) as {
      group: string;
      key: string;
      tools: string[];
      echo: string;
    };
    assert.deepEqual([report.group, report.key], ['X25519MLKEM768', 'ECDSA']);
    assert.ok(report.tools.includes('echo'));
    assert.match(report.echo, /hello from Go/);
    const entry = (await postern.record()).find((each) => each.mcp.tool === 'echo');
    assert.equal(entry?.client.link['local_signature'], 'ECDSA-P256-SHA256');
  },
);

test(
  'R-23 the Python SDK calls over plain HTTP on loopback',
  {
    skip: missing('python3', '-m', 'venv', '--help'),
  },
  async () => {
    const plain = await startTestPostern({
      listeners: [{ name: 'plain', address: '127.0.0.1:0', tls: 'off' }],
      servers: { everything: { stdio: { command: process.execPath, args: [EVERYTHING] } } },
    });
    try {
      const venv = join(scratch, 'venv');
      await run('python3', ['-m', 'venv', venv]);
      await run(join(venv, 'bin/pip'), ['install', '--quiet', 'mcp<2']);
      const program = join(import.meta.dirname, 'python-client/client.py');
      const { stdout } = await run(join(venv, 'bin/python'), [program, plain.url('everything')]);
      const report = JSON.parse(stdout) as { tools: string[]; echo: string };
      assert.ok(report.tools.includes('echo'));
      assert.match(report.echo, /hello from Python/);
    } finally {
      await plain.stop();
    }
  },
);
