import { FileUnreadable, readSmallFile } from './small-file.ts';
import { MAX_YAML_BYTES } from './yaml-parse.ts';

/**
 * The text of a YAML file, read whole.
 *
 * @throws FileUnreadable when it cannot be read, is no regular file or not UTF-8; FileTooLarge.
 */
export async function readYamlFile(path: string): Promise<string> {
  const bytes = await readSmallFile(path, MAX_YAML_BYTES);
  try {
    return new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(bytes);
  } catch (cause) {
    throw new FileUnreadable(`${path} is not valid UTF-8`, { cause, details: { path } });
  }
}
