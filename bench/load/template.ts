/** Bytes with a number of eight digits in one or more places. */
export class Template {
  readonly bytes: Buffer;
  readonly #places: readonly number[];

  /** @param id the number that the bytes hold now. */
  constructor(bytes: Buffer, id: number) {
    this.bytes = bytes;
    const places: number[] = [];
    const digits = String(id);
    for (
      let at = bytes.indexOf(digits);
      at !== -1;
      at = bytes.indexOf(digits, at + digits.length)
    ) {
      places.push(at);
    }
    this.#places = places;
  }

  /** The bytes with another number; valid until the next call. */
  with(id: number): Buffer {
    const digits = String(id);
    for (const place of this.#places) this.bytes.write(digits, place, 'latin1');
    return this.bytes;
  }

  equals(id: number, bytes: Buffer): boolean {
    return bytes.length === this.bytes.length && this.with(id).equals(bytes);
  }
}
