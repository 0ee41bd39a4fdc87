/** What tools, resources and prompts of the fixture answer with. */

/** A PNG of one red pixel, base64. */
export const PNG =
  'iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mP8z8DwHwAFBQIAX8jx0gAAAABJRU5ErkJggg==';

/** A WAV file without a sample, base64. */
export const WAV = 'UklGRiQAAABXQVZFZm10IBAAAAABAAEAQB8AAIA+AAACABAAZGF0YQAAAAA=';

/** A block of text. */
export function text(value: string) {
  return { type: 'text' as const, text: value };
}

/** A result of a tool that is one text. */
export function says(value: string) {
  return { content: [text(value)] };
}

/** A resource inside a result. */
export function embedded(uri: string, mimeType: string, value: string) {
  return { type: 'resource' as const, resource: { uri, mimeType, text: value } };
}

/** The pixel as a block. */
export function image() {
  return { type: 'image' as const, data: PNG, mimeType: 'image/png' };
}
