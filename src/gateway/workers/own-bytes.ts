/** What is posted is copied whole, with the memory around it: small parts of a pool have much of that. */
export function ownBytes(pieces: readonly Buffer[]): Uint8Array {
  const size = pieces.reduce((sum, { length }) => sum + length, 0);
  const bytes = new Uint8Array(size);
  let at = 0;
  for (const piece of pieces) {
    bytes.set(piece, at);
    at += piece.length;
  }
  return bytes;
}
