/** Matches text against a pattern in which `*` stands for any run of characters. */
export type Matcher = (text: string) => boolean;

/**
 * Compiles a pattern. Only `*` is special; letter case counts. Matching takes at most
 * pattern × text steps, whatever the input.
 */
export function compileGlob(pattern: string): Matcher {
  if (pattern === '*') return () => true;
  if (!pattern.includes('*')) return (text) => text === pattern;
  return (text) => matches(pattern, text);
}

/** Whether a pattern matches some text that begins so and goes on. */
export function globReaches(pattern: string, beginning: string): boolean {
  const star = pattern.indexOf('*');
  const fixed = star < 0 ? pattern : pattern.slice(0, star);
  if (star < 0) return fixed.startsWith(beginning) && fixed !== beginning;
  return fixed.startsWith(beginning) || beginning.startsWith(fixed);
}

function matches(pattern: string, text: string): boolean {
  let p = 0;
  let t = 0;
  let star = -1;
  let resume = 0;
  while (t < text.length) {
    if (p < pattern.length && pattern[p] === '*') {
      star = p;
      p += 1;
      resume = t;
    } else if (p < pattern.length && pattern[p] === text[t]) {
      p += 1;
      t += 1;
    } else if (star >= 0) {
      // Let the last star take one character more.
      p = star + 1;
      resume += 1;
      t = resume;
    } else {
      return false;
    }
  }
  while (pattern[p] === '*') p += 1;
  return p === pattern.length;
}
