/** A call frame of a V8 CPU profile. */
export interface CallFrame {
  readonly functionName: string;
  /** `file:///…`, `node:…`, or empty for what is not JavaScript. */
  readonly url: string;
  readonly lineNumber: number;
}

/** Parts of Node.js by module, first match wins. */
const NODE_PARTS: readonly (readonly [RegExp, string])[] = [
  [/^node:(_tls|internal\/tls|tls|internal\/crypto|crypto)/, 'node: tls and crypto'],
  [/^node:(_http|internal\/http|http)/, 'node: http'],
  [/^node:(net|internal\/net|internal\/stream_base_commons)/, 'node: net'],
  [/^node:(internal\/streams|stream|_stream)/, 'node: streams'],
  [/^node:(internal\/timers|timers|internal\/process\/task_queues)/, 'node: timers and tasks'],
  [/^node:(events|internal\/event_target|internal\/abort_controller)/, 'node: events and abort'],
  [/^node:(url|internal\/url)/, 'node: url'],
  [/^node:(internal\/fs|fs)/, 'node: fs'],
  [/^node:(buffer|internal\/buffer)/, 'node: buffer'],
  [/^node:(child_process|internal\/child_process)/, 'node: child processes'],
  [/^node:/, 'node: other'],
];

const V8_PARTS: Readonly<Record<string, string>> = {
  '(garbage collector)': 'garbage collection',
  '(program)': 'native code and kernel',
  '(idle)': 'idle',
  '(root)': 'native code and kernel',
};

/** Calls into C++ that are worth a row of their own, by the names that Node.js gives them. */
const NATIVE: readonly (readonly [RegExp, string])[] = [
  [
    /^(writev?|write(Buffer|Utf8String|Latin1String|UcsString|AsciiString)|shutdown)$/,
    'native: socket writes, TLS encryption',
  ],
  [/^(consume|execute|pause|resume|readStart|readStop)$/, 'native: http parser'],
  [/^(oneShotDigest|update|digest|Hash)$/, 'native: hashing'],
];

/**
 * Where the time of a frame belongs: a room of the gateway, a part of Node.js, a package, or V8.
 * `null` for C++ that belongs to whoever called it.
 */
export function placeOf({ functionName, url }: CallFrame): string | null {
  if (url.startsWith('node:')) return firstMatch(NODE_PARTS, url);
  const known = V8_PARTS[functionName];
  // undici's HTTP parser is WebAssembly, the only one in the gateway's data path.
  if (url.startsWith('wasm:')) return 'package: undici';
  if (url === '') return known ?? firstMatch(NATIVE, functionName);
  const packaged = /\/node_modules\/((?:@[^/]+\/)?[^/]+)\//.exec(url)?.[1];
  if (packaged !== undefined) return `package: ${packaged}`;
  const room = /.*\/src\/([^/]+)\//.exec(url)?.[1];
  return room === undefined ? 'launcher' : `src/${room}`;
}

function firstMatch(rows: readonly (readonly [RegExp, string])[], text: string): string | null {
  return rows.find(([pattern]) => pattern.test(text))?.[1] ?? null;
}
