import type { Token } from './tokens.ts';

/** One place where a module names another. */
export interface Reference {
  /** As written; `null` when it is computed, so that nobody can tell. */
  readonly specifier: string | null;
  /** Counted from 1. */
  readonly line: number;
}

/**
 * Every module that the source names: `import … from`, `export … from`, `import '…'`, `import(…)`
 * also as a type, `require(…)`; those of types alone included.
 */
export function referencesOf(tokens: readonly Token[]): readonly Reference[] {
  const code = tokens.filter((token) => token.kind !== 'comment');
  return code.flatMap((token, index) => {
    if (token.kind !== 'word' || code[index - 1]?.text === '.') return [];
    const next = code[index + 1];
    if (token.text === 'from' || token.text === 'import') {
      if (next?.kind === 'string') return [reference(next)];
    }
    const isCall = next?.text === '(' && (token.text === 'import' || token.text === 'require');
    return isCall ? [argument(code, index + 2)] : [];
  });
}

function argument(code: readonly Token[], index: number): Reference {
  const first = code[index];
  const after = code[index + 1]?.text;
  if (first?.kind === 'string' && (after === ')' || after === ',')) return reference(first);
  return { specifier: null, line: first?.line ?? 0 };
}

function reference({ text, line }: Token): Reference {
  return { specifier: text.slice(1, -1), line };
}
