import type { X509Certificate } from 'node:crypto';
import type { Authorities } from '../authorities.ts';
import { daysMs, ISSUING_DUE_AFTER, ROOT_DUE_DAYS } from '../lifetimes.ts';

/** When authorities have to be replaced, in milliseconds since the epoch. */
export interface RotationTimes {
  /** Infinity when all issuing CAs end with their roots: the next ones could not end later. */
  readonly issuingMs: number;
  readonly rootsMs: number;
}

/**
 * When the authorities have to be replaced.
 *
 * @param issuingMaxAgeMs of issuing CAs; half of their life if that is less
 */
export function rotationTimes(
  { chains }: Pick<Authorities, 'chains'>,
  issuingMaxAgeMs: number,
): RotationTimes {
  const below = chains.filter(
    ({ root, issuing }) => endOf(issuing.certificate) < endOf(root.certificate),
  );
  return {
    issuingMs: Math.min(...below.map(({ issuing }) => dueOf(issuing.certificate, issuingMaxAgeMs))),
    rootsMs: Math.min(...chains.map(({ root }) => endOf(root.certificate) - daysMs(ROOT_DUE_DAYS))),
  };
}

function dueOf(issuing: X509Certificate, maxAgeMs: number): number {
  const from = issuing.validFromDate.getTime();
  return from + Math.min(maxAgeMs, (endOf(issuing) - from) * ISSUING_DUE_AFTER);
}

function endOf({ validToDate }: X509Certificate): number {
  return validToDate.getTime();
}
