/** Exit codes of `postern`, after sysexits.h where it has one. */
export const EXIT = {
  ok: 0,
  /** The command ran and failed. */
  failure: 1,
  /** EX_USAGE: the command line is wrong. */
  usage: 64,
  /** EX_UNAVAILABLE: a port, a file or a server is not to be had. */
  unavailable: 69,
  /** EX_SOFTWARE: a defect in Postern. */
  internal: 70,
  /** EX_CONFIG: configuration, policy, state directory or runtime has to be mended. */
  config: 78,
} as const;

/** The exit code that goes with an error code. */
export function exitCodeOf(code: string): number {
  if (code === 'POSTERN_INTERNAL') return EXIT.internal;
  if (code === 'POSTERN_USAGE') return EXIT.usage;
  if (code.endsWith('LISTEN_FAILED') || /UNAVAILABLE$|UNREACHABLE$/.test(code))
    return EXIT.unavailable;
  if (/CONFIG|POLICY|PROFILE|STATE|IDENTITY|RUNTIME|ALGORITHM|FILE_|TRUST_DOMAIN/.test(code))
    return EXIT.config;
  return EXIT.failure;
}
