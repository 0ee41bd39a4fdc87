/** Outcomes of the handshakes of an epoch. */
export interface HandshakeCounts {
  readonly established: number;
  readonly failed: number;
}

/** Fewer failures are chance: a client that went away, one that was switched off. */
const MIN_FAILURES = 3;
/** How much larger the canary's part of failures may be than the stable epoch's. */
const MAX_EXCESS = 0.05;

/**
 * Why a canary is worse than the stable epoch, or `null` while it is not: at least three of its
 * handshakes failed, and their part is over five percentage points larger.
 */
export function canaryVerdict(canary: HandshakeCounts, stable: HandshakeCounts): string | null {
  if (canary.failed < MIN_FAILURES) return null;
  const [ours, theirs] = [failureRate(canary), failureRate(stable)];
  if (ours <= theirs + MAX_EXCESS) return null;
  return `${percent(ours)} of its handshakes failed, ${percent(theirs)} of the stable epoch's`;
}

function failureRate({ established, failed }: HandshakeCounts): number {
  const all = established + failed;
  return all === 0 ? 0 : failed / all;
}

function percent(rate: number): string {
  return `${Math.round(rate * 1000) / 10} %`;
}
