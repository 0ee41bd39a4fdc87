/** Of what is free, whoever holds some may have three times as much; so one alone has three quarters. */
const OF_FREE = 3;

/**
 * Whether somebody may hold more of something that all share (dynamic thresholds: Choudhury and Hahne,
 * "Dynamic Queue Length Thresholds", 1998). One alone gets three quarters, two get three sevenths each,
 * and there is always some left for the next one who comes.
 *
 * @param free what nobody holds.
 */
export function mayHold(held: number, more: number, free: number): boolean {
  if (more > free) return false;
  return held === 0 || held + more <= OF_FREE * (free - more);
}
