/** Bytes of vectors, which are written in hexadecimal. */

export function unhex(text: string): Buffer {
  return Buffer.from(text, 'hex');
}

/** The same bytes with the lowest bit of one of them flipped. */
export function flipped(bytes: Buffer, at: number): Buffer {
  const copy = Buffer.from(bytes);
  copy.writeUInt8(copy.readUInt8(at) ^ 1, at);
  return copy;
}

/** DER of an object identifier (X.690 §8.19), below 128 bytes. */
export function oidDer(dotted: string): Buffer {
  const [first = 0, second = 0, ...rest] = dotted.split('.').map(Number);
  const content = [40 * first + second, ...rest].flatMap(base128);
  return Buffer.of(6, content.length, ...content);
}

function base128(value: number): number[] {
  const digits = [value % 128];
  for (let left = Math.floor(value / 128); left > 0; left = Math.floor(left / 128)) {
    digits.unshift(128 + (left % 128));
  }
  return digits;
}
