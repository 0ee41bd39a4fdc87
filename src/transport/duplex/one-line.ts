const LF = 0x0a;
const CR = 0x0d;
const SPACE = 0x20;

/**
 * A JSON text as one line: line ends can only be whitespace between its tokens, so each becomes a
 * space. A lone `\r` counts, since SSE and some stdio readers end a line there too.
 */
export function asOneLine(json: Buffer): Buffer {
  if (!json.includes(LF) && !json.includes(CR)) return json;
  const line = Buffer.from(json);
  for (let index = 0; index < line.length; index += 1) {
    if (line[index] === LF || line[index] === CR) line[index] = SPACE;
  }
  return line;
}
