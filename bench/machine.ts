import { realpathSync } from 'node:fs';
import { cpus, release, totalmem } from 'node:os';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import type { Cores } from './bench.ts';
import { findCommand, firstLineOf } from './programs.ts';
import { allowedCores } from './processes.ts';

/** What a reader needs to know of where the numbers come from; nothing that names the machine. */
export interface Machine {
  readonly cores: number;
  readonly cpu: string;
  readonly memoryBytes: number;
  readonly kernel: string;
  readonly node: string;
  readonly openssl: string;
  /** What the other programs say of themselves, by name. */
  readonly programs: Readonly<Record<string, string>>;
  readonly pinning: Cores;
}

export function describeMachine(pinning: Cores): Machine {
  return {
    cores: allowedCores().length,
    cpu: cpus()[0]?.model.trim() ?? 'unknown',
    memoryBytes: totalmem(),
    kernel: `Linux ${release().replace(/^(\d+\.\d+).*$/, '$1')}`,
    node: process.versions.node,
    openssl: process.versions.openssl,
    programs: programs(),
    pinning,
  };
}

function programs(): Record<string, string> {
  const found: Record<string, string | null> = {
    nginx: versionSaid('nginx', '-v'),
    haproxy: versionSaid('haproxy', '-v'),
    agentgateway: versionSaid('agentgateway', '--version'),
    ContextForge: contextForgeVersion(),
    'mcp-proxy': versionOf('mcp-proxy'),
    supergateway: versionOf('supergateway'),
    '@modelcontextprotocol/server-everything': versionOf('@modelcontextprotocol/server-everything'),
    '@modelcontextprotocol/client': versionOf('@modelcontextprotocol/client'),
  };
  return Object.fromEntries(
    Object.entries(found).flatMap(([name, said]) => {
      const version = /\d+\.\d+\.\d+/.exec(said ?? '')?.[0];
      return version === undefined ? [] : [[name, version]];
    }),
  );
}

function versionSaid(name: string, option: string): string | null {
  const command = findCommand(name);
  return command === null ? null : firstLineOf(command, option);
}

/** Its command has no option for that, but Python knows. */
function contextForgeVersion(): string | null {
  const command = findCommand('mcpgateway');
  if (command === null) return null;
  const python = join(dirname(realpathSync(command)), 'python');
  const script = 'import importlib.metadata as m; print(m.version("mcp-contextforge-gateway"))';
  return firstLineOf(python, '-c', script);
}

function versionOf(name: string): string | null {
  const require = createRequire(import.meta.url);
  const directories = require.resolve.paths(name) ?? [];
  for (const directory of directories) {
    try {
      return (require(`${directory}/${name}/package.json`) as { version: string }).version;
    } catch {
      // Not in this directory.
    }
  }
  return null;
}
