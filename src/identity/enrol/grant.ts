import { parseJson } from '#lib';
import type { ClientAlgorithm } from '../client.ts';
import { isClientName } from '../client-name.ts';
import { isClientAlgorithm } from './algorithms.ts';

/** What a token permits: one certificate. */
export interface Grant {
  /** SHA-256 of the token, lower-case hex. */
  readonly id: string;
  /** Of the client. */
  readonly name: string;
  /** Of the client's key. */
  readonly algorithm: ClientAlgorithm;
  /** Milliseconds since the epoch. */
  readonly expiresMs: number;
}

/** A grant as its file has it. */
export function formatGrant({ name, algorithm, expiresMs }: Omit<Grant, 'id'>): string {
  return `${JSON.stringify({ name, algorithm, expires: new Date(expiresMs).toISOString() })}\n`;
}

/** Reads a grant; `null` when the text is none. */
export function parseGrant(text: string): Omit<Grant, 'id'> | null {
  const { name, algorithm, expires } = record(text);
  const expiresMs = typeof expires === 'string' ? Date.parse(expires) : Number.NaN;
  if (typeof name !== 'string' || !isClientName(name)) return null;
  if (!isClientAlgorithm(algorithm) || Number.isNaN(expiresMs)) return null;
  return { name, algorithm, expiresMs };
}

function record(text: string): Readonly<Record<string, unknown>> {
  try {
    return Object(parseJson(text)) as Record<string, unknown>;
  } catch {
    return {};
  }
}
