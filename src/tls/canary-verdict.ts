/** Outcomes of the handshakes of an epoch. */
export interface HandshakeCounts {
  readonly established: number;
  readonly failed: number;
}

/** Fewer failures are chance: a client that went away, one that was switched off. */
const MIN_FAILURES = 3;
/** How much larger the canary's part of failures may be than the stable epoch's. */
const MAX_EXCESS = 0.05;
/** Standard deviations that leave half a percent below: how sure one has to be. */
const CONFIDENCE_Z = 2.576;

/**
 * Why a canary is worse than the stable epoch, or `null` while it is not: at least three of its
 * handshakes failed, and it is 99.5 % sure that their part is over five percentage points larger.
 */
export function canaryVerdict(canary: HandshakeCounts, stable: HandshakeCounts): string | null {
  if (canary.failed < MIN_FAILURES) return null;
  const stableRate = failureRate(stable);
  if (surelyAtLeast(canary) <= stableRate + MAX_EXCESS) return null;
  return `${percent(failureRate(canary))} of its handshakes failed, ${percent(stableRate)} of the stable epoch's`;
}

/** Lower bound of the Wilson score interval, which holds for few handshakes too. */
function surelyAtLeast(counts: HandshakeCounts): number {
  const n = counts.established + counts.failed;
  const rate = failureRate(counts);
  const z2 = CONFIDENCE_Z ** 2;
  const deviation = Math.sqrt((rate * (1 - rate)) / n + z2 / (4 * n * n));
  return (rate + z2 / (2 * n) - CONFIDENCE_Z * deviation) / (1 + z2 / n);
}

function failureRate({ established, failed }: HandshakeCounts): number {
  const all = established + failed;
  return all === 0 ? 0 : failed / all;
}

function percent(rate: number): string {
  return `${Math.round(rate * 1000) / 10} %`;
}
