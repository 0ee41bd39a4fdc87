/** Severities of log messages, the least first (RFC 5424 §6.2.1; 2025-11-25, Logging). */
const LOG_LEVELS: readonly string[] = [
  'debug',
  'info',
  'notice',
  'warning',
  'error',
  'critical',
  'alert',
  'emergency',
];

export function isLogLevel(value: unknown): value is string {
  return typeof value === 'string' && LOG_LEVELS.includes(value);
}

/** Whether a log message is at least as severe as a level asks for. */
export function isSevereEnough(message: unknown, level: string): boolean {
  return isLogLevel(message) && LOG_LEVELS.indexOf(message) >= LOG_LEVELS.indexOf(level);
}
