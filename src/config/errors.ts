import type { Diagnostic, PosternError } from '#lib';
import { defineError, formatDiagnostics, formatPath } from '#lib';
import type { ShapeProblem } from '#lib';

export const ConfigInvalid = defineError('POSTERN_CONFIG_INVALID', {
  meaning: 'postern.yaml, or what the command line says instead of it, is not valid.',
  hint: 'Correct what the message points at; `postern check` checks the file without running it.',
});

/**
 * The failure for a file that {@link readConfig} refused. Its message is all diagnostics, formatted;
 * its details have one line for each.
 *
 * @param text The text of the file, for the source lines in the message.
 */
export function configInvalid(diagnostics: readonly Diagnostic[], text: string): PosternError {
  return new ConfigInvalid(formatDiagnostics(diagnostics, text), {
    details: {
      problems: diagnostics.map(
        ({ file, line, column, path, message }) =>
          `${file}:${line}:${column}: ${path === '' ? '' : `${path}: `}${message}`,
      ),
    },
  });
}

/** The same for settings that come from no file. */
export function settingsInvalid(problems: readonly ShapeProblem[]): PosternError {
  const lines = problems.map(({ path, message, suggestion }) => {
    const meant = suggestion === undefined ? '' : ` (did you mean "${suggestion}"?)`;
    return `${formatPath(path)}: ${message}${meant}`;
  });
  return new ConfigInvalid(lines.join('\n'), { details: { problems: lines } });
}
