const last = { second: 0, text: '' };

/** The time of now for `Date` (RFC 9110, section 6.6.1), worked out once a second. */
export function httpDate(): string {
  const nowMs = Date.now();
  const second = Math.floor(nowMs / 1000);
  if (second !== last.second) {
    last.second = second;
    last.text = new Date(nowMs).toUTCString();
  }
  return last.text;
}
