/** Longest word that is compared; a longer one is no misspelling of ours. */
const MAX_LENGTH = 64;

/**
 * The candidate that a misspelled word most likely stands for, or `undefined` when none is near: the
 * same word in another case style, one within an edit per three characters, or else one that begins
 * like it.
 */
export function nearest(word: string, candidates: readonly string[]): string | undefined {
  const plain = squash(word.slice(0, MAX_LENGTH + 1));
  if (plain.length < 2 || plain.length > MAX_LENGTH) return undefined;
  let best: string | undefined;
  let bestDistance = Math.max(1, Math.floor(plain.length / 3)) + 1;
  for (const candidate of candidates) {
    if (candidate.length > MAX_LENGTH) continue;
    const distance = editDistance(plain, squash(candidate));
    if (distance < bestDistance) {
      best = candidate;
      bestDistance = distance;
    }
  }
  return best ?? candidates.find((candidate) => beginsLike(plain, squash(candidate)));
}

function beginsLike(one: string, other: string): boolean {
  const [short, long] = one.length < other.length ? [one, other] : [other, one];
  return short.length > 2 && long.startsWith(short);
}

/** `clientCertificates`, `client-certificates` and `client_certificates` are the same word. */
function squash(word: string): string {
  return word.toLowerCase().replaceAll(/[\s_-]/g, '');
}

/** Levenshtein distance, one row at a time. */
function editDistance(from: string, to: string): number {
  let row = Array.from({ length: to.length + 1 }, (_, index) => index);
  for (let i = 1; i <= from.length; i += 1) {
    const next = [i];
    for (let j = 1; j <= to.length; j += 1) {
      const change = (row[j - 1] ?? 0) + (from[i - 1] === to[j - 1] ? 0 : 1);
      next.push(Math.min(change, (row[j] ?? 0) + 1, (next[j - 1] ?? 0) + 1));
    }
    row = next;
  }
  return row[to.length] ?? 0;
}
