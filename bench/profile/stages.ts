import type { CallFrame } from './sample-tree.ts';

/** Where the product's own files belong, by their paths under `src/`; the first match wins. */
const FILES: readonly (readonly [RegExp, string])[] = [
  [/^transport\/http\//, 'upstream client'],
  [/^transport\/stdio\//, 'stdio framing'],
  [/^transport\//, 'upstream client'],
  [/^mcp\//, 'reading JSON'],
  [/^(audit|store)\/|^pipeline\/journal/, 'record'],
  [/^policy\/|^pipeline\/authorize/, 'policy'],
  [/^identity\/|^pipeline\/authenticate|^oauth\//, 'who calls'],
  [/^gateway\/(body|read-call)/, 'reading the request'],
  [/^gateway\/(http-sink|stream-parts)|^pipeline\/deliver/, 'reply'],
  [/^gateway\/(http-|tls-|plain-)?(server|listener|guard|control|state)\b/, 'listener and guards'],
  [/^gateway\/(routes|destinations|cors|connection|link-book|addresses)/, 'listener and guards'],
  [/^(tls|crypto)\//, 'listener and guards'],
  [/^telemetry\/|^lib\/(meter|events)/, 'metrics and log'],
  [/^bridge\//, 'bridging'],
  [/^federation\//, 'federation'],
  [/^(gateway|pipeline)\//, 'order of a call'],
];

/** Modules of Node.js that are a stage whoever calls them. */
const MODULES: readonly (readonly [RegExp, string])[] = [
  [/^node:(_http|internal\/http|http)/, 'HTTP of Node.js'],
  [/^node:(_tls|internal\/tls|tls|net|internal\/net|internal\/stream_base)/, 'sockets and TLS'],
  [/^node:(internal\/timers|timers|internal\/process\/task_queues)/, 'timers and tasks'],
  [/^node:(fs|internal\/fs)/, 'record'],
];

/** Calls into C++ that are a stage, by the names that Node.js gives them. */
const NATIVE: readonly (readonly [RegExp, string])[] = [
  [
    /^(writev?|write(Buffer|Utf8String|Latin1String|UcsString|AsciiString)|shutdown|readStart|readStop)$/,
    'sockets and TLS',
  ],
  [/^(consume|unconsume|execute)$/, 'HTTP of Node.js'],
];

/** What V8 names in parentheses. */
const V8: Readonly<Record<string, string>> = {
  '(garbage collector)': 'garbage collection',
  '(program)': 'native code and kernel',
};

/** Stage of what no frame on the stack says anything of. */
export const UNKNOWN_STAGE = 'Node.js, other';

/** Every stage that has a name here, each once. */
export const STAGES: readonly string[] = [
  ...new Set([...FILES, ...MODULES].map(([, stage]) => stage)),
  ...Object.values(V8),
  UNKNOWN_STAGE,
];

/**
 * The stage of a call that a frame belongs to, `null` for what belongs to whoever called it: events,
 * streams, buffers, most of C++.
 */
export function stageOf({ functionName, url }: CallFrame): string | null {
  if (url.startsWith('node:')) return firstMatch(MODULES, url);
  // undici's HTTP parser is WebAssembly, the only one in the gateway's data path.
  if (url.startsWith('wasm:')) return 'upstream client';
  if (url === '') return V8[functionName] ?? firstMatch(NATIVE, functionName);
  const packaged = /\/node_modules\/((?:@[^/]+\/)?[^/]+)\//.exec(url)?.[1];
  if (packaged !== undefined) {
    return packaged === 'undici' ? 'upstream client' : `package ${packaged}`;
  }
  const file = /.*\/src\/(.+)$/.exec(url)?.[1];
  return file === undefined ? null : firstMatch(FILES, file);
}

function firstMatch(rows: readonly (readonly [RegExp, string])[], text: string): string | null {
  return rows.find(([pattern]) => pattern.test(text))?.[1] ?? null;
}
