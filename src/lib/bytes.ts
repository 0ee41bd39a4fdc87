import { hash } from 'node:crypto';

/** SHA-256 of the bytes as `sha256:` and lower-case hex. */
export function sha256Label(bytes: Uint8Array | string): string {
  return `sha256:${hash('sha256', bytes, 'hex')}`;
}

/** A size for people: `1.5 MiB`. */
export function formatBytes(count: number): string {
  if (count < 1024) return `${count} B`;
  if (count < 1024 * 1024) return `${trim(count / 1024)} KiB`;
  return `${trim(count / 1024 / 1024)} MiB`;
}

function trim(value: number): string {
  return value.toFixed(1).replace(/\.0$/, '');
}
