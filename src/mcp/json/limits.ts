import type { Limits } from '#lib';

/** Bounds of one message. */
export interface JsonLimits {
  readonly maxBytes: number;
  readonly maxDepth: number;
  /** Keys of all objects together. */
  readonly maxKeys: number;
  /** Of one key, as written. */
  readonly maxKeyBytes: number;
  /** Of one number, as written. */
  readonly maxNumberBytes: number;
}

/** The bounds in force for messages of one direction. */
export function jsonLimitsOf(
  limits: Pick<Limits, 'maxJsonDepth' | 'maxJsonKeys' | 'maxJsonKeyBytes' | 'maxJsonNumberBytes'>,
  maxBytes: number,
): JsonLimits {
  return {
    maxBytes,
    maxDepth: limits.maxJsonDepth,
    maxKeys: limits.maxJsonKeys,
    maxKeyBytes: limits.maxJsonKeyBytes,
    maxNumberBytes: limits.maxJsonNumberBytes,
  };
}

/** For a text that was read within limits before. */
export const READ_BEFORE: JsonLimits = {
  maxBytes: Infinity,
  maxDepth: Infinity,
  maxKeys: Infinity,
  maxKeyBytes: Infinity,
  maxNumberBytes: Infinity,
};

/** Deeper than this no text is read, whatever the limits are. */
export const DEEPEST = 4096;
