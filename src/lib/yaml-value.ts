import type * as Yaml from 'yaml';

/** Nesting that a configuration file may have. */
const MAX_DEPTH = 64;
/** Values that a file may stand for once its aliases are expanded. */
const MAX_VALUES = 100_000;
/** Uses of aliases in one file. */
const MAX_ALIASES = 64;

/** Something wrong at an offset of the text. */
export interface YamlProblem {
  readonly offset: number;
  readonly message: string;
  readonly value?: string;
}

/** Where a value stands in the text, and where the values in it do. */
export interface Located {
  readonly offset: number;
  /** Where its key stands; `null` for entries of lists and for the root. */
  readonly keyOffset: number | null;
  readonly children: ReadonlyMap<string | number, Located>;
}

/** A file's content as plain JSON-like values, with positions. */
export interface PlainYaml {
  readonly value: unknown;
  readonly located: Located;
  readonly problems: readonly YamlProblem[];
}

/** The parts of `yaml` that the conversion needs. */
type NodeTests = Pick<typeof Yaml, 'isAlias' | 'isMap' | 'isScalar' | 'isSeq'>;

interface Converted {
  readonly value: unknown;
  readonly children: ReadonlyMap<string | number, Located>;
  /** Values in it, aliases expanded. */
  readonly size: number;
}

/** Thrown inside this file when a bound is passed, to leave the recursion. */
class BoundPassed extends Error {
  readonly problem: YamlProblem;
  constructor(problem: YamlProblem) {
    super(problem.message);
    this.problem = problem;
  }
}

/**
 * Turns parsed YAML into plain values within bounds: nesting, number of values, uses of aliases.
 * Keys that occur twice and `__proto__` are problems; the rest of the file is still converted, so
 * that everything wrong with it can be reported at once.
 */
export function toPlain(yaml: NodeTests, root: Yaml.ParsedNode): PlainYaml {
  const conversion = new Conversion(yaml);
  try {
    const { value, children } = conversion.convert(root, 0);
    const located = { offset: root.range[0], keyOffset: null, children };
    return { value, located, problems: conversion.problems };
  } catch (error) {
    if (!(error instanceof BoundPassed)) throw error;
    const located = { offset: root.range[0], keyOffset: null, children: new Map() };
    return { value: undefined, located, problems: [error.problem] };
  }
}

class Conversion {
  readonly problems: YamlProblem[] = [];
  readonly #yaml: NodeTests;
  readonly #anchors = new Map<string, Converted>();
  #aliases = 0;
  #values = 0;

  constructor(yaml: NodeTests) {
    this.#yaml = yaml;
  }

  convert(node: Yaml.ParsedNode, depth: number): Converted {
    if (depth > MAX_DEPTH) {
      throw new BoundPassed({ offset: node.range[0], message: `nests deeper than ${MAX_DEPTH}` });
    }
    if (this.#yaml.isAlias(node)) return this.#alias(node);
    this.#count(1, node);
    const converted = this.#contentOf(node, depth);
    if (node.anchor !== undefined) this.#anchors.set(node.anchor, converted);
    return converted;
  }

  #contentOf(node: Exclude<Yaml.ParsedNode, Yaml.Alias.Parsed>, depth: number): Converted {
    if (this.#yaml.isMap(node)) return this.#map(node, depth);
    if (this.#yaml.isSeq(node)) return this.#list(node, depth);
    return { value: node.value, children: new Map(), size: 1 };
  }

  #map(node: Yaml.YAMLMap.Parsed, depth: number): Converted {
    const value: Record<string, unknown> = {};
    const children = new Map<string, Located>();
    let size = 1;
    for (const pair of node.items) {
      const key = this.#keyOf(pair.key, children);
      if (key === null) continue;
      const keyOffset = pair.key.range[0];
      const converted =
        pair.value === null
          ? { value: null, children: new Map<string, Located>(), size: 1 }
          : this.convert(pair.value, depth + 1);
      const offset = pair.value?.range[0] ?? keyOffset;
      value[key] = converted.value;
      children.set(key, { offset, keyOffset, children: converted.children });
      size += converted.size;
    }
    return { value, children, size };
  }

  /** The key as text, or `null` when it cannot be used. */
  #keyOf(node: Yaml.ParsedNode, seen: ReadonlyMap<string, Located>): string | null {
    const offset = node.range[0];
    if (!this.#yaml.isScalar(node)) {
      this.problems.push({ offset, message: 'a key must be plain text' });
      return null;
    }
    const key = String(node.value);
    if (key === '__proto__') {
      this.problems.push({ offset, message: 'this key is not allowed', value: key });
      return null;
    }
    if (seen.has(key)) {
      this.problems.push({
        offset,
        message: 'this key occurs twice in the same mapping',
        value: key,
      });
      return null;
    }
    return key;
  }

  #list(node: Yaml.YAMLSeq.Parsed, depth: number): Converted {
    const value: unknown[] = [];
    const children = new Map<number, Located>();
    let size = 1;
    for (const [index, item] of node.items.entries()) {
      const converted = this.convert(item, depth + 1);
      value.push(converted.value);
      children.set(index, {
        offset: item.range[0],
        keyOffset: null,
        children: converted.children,
      });
      size += converted.size;
    }
    return { value, children, size };
  }

  /** An alias shares the value of its anchor, which must be complete: so no value contains itself. */
  #alias(node: Yaml.Alias.Parsed): Converted {
    this.#aliases += 1;
    if (this.#aliases > MAX_ALIASES) {
      throw new BoundPassed({
        offset: node.range[0],
        message: `more than ${MAX_ALIASES} uses of aliases`,
      });
    }
    const target = this.#anchors.get(node.source);
    if (target === undefined) {
      const message = 'this alias has no anchor before it';
      this.problems.push({ offset: node.range[0], message, value: `*${node.source}` });
      return { value: null, children: new Map(), size: 1 };
    }
    this.#count(target.size, node);
    return target;
  }

  #count(values: number, node: Yaml.ParsedNode): void {
    this.#values += values;
    if (this.#values <= MAX_VALUES) return;
    throw new BoundPassed({
      offset: node.range[0],
      message: `stands for more than ${MAX_VALUES} values`,
    });
  }
}
