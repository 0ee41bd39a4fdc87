import { isatty } from 'node:tty';
import { pino } from 'pino';
import type { EventSink, PosternEvent, Severity } from '#lib';
import { messageOf } from '#lib';
import { openLineWriter } from './line-writer.ts';
import type { Redactor } from './redact.ts';
import { createRedactor } from './redact.ts';
import { limitRepeats } from './repeats.ts';
import { formatText } from './text.ts';
import { visibleJson } from './visible.ts';

const RANKS: Readonly<Record<Severity, number>> = {
  debug: 20,
  info: 30,
  warn: 40,
  error: 50,
  alert: 60,
};

/** How the log is written. */
export interface LogOptions {
  /** Events below this severity are left out. */
  readonly level: Severity;
  /** `json`: one object a line; `text`: one line for people, coloured on a terminal. */
  readonly format: 'json' | 'text';
  /** File descriptor; standard error unless given, since standard output may carry MCP. */
  readonly fd?: number;
  /** Keys whose values are secret, beyond those that are hidden anyway. */
  readonly redact?: readonly string[];
}

/** The log of a process. */
export interface Log {
  readonly sink: EventSink;
  /** Writes what is held back or waits for a slow reader; called before the process ends. */
  flush(): void;
}

/**
 * Opens the log. Its sink never throws; it hides secrets, spells out control characters, and lets
 * floods of equal events through in part. A reader who is slow or gone costs lines, never time.
 */
export function createLog(options: LogOptions): Log {
  const { level, fd = 2 } = options;
  const redactor = createRedactor(options.redact ?? []);
  const format = options.format === 'json' ? jsonFormat() : textFormat(fd);
  const writer = openLineWriter(fd, (count) => format(lostLines(count)));
  const limiter = limitRepeats((event) => {
    writer.write(lineOf(event, redactor, format));
  });
  return {
    sink: (event) => {
      if (RANKS[event.severity] >= RANKS[level]) limiter.sink(event);
    },
    flush: () => {
      limiter.flush();
      writer.flush();
    },
  };
}

/** An event as one line, line feed included. */
type Format = (event: PosternEvent) => string;

function jsonFormat(): Format {
  let line = '';
  const logger = pino(
    {
      customLevels: RANKS,
      useOnlyCustomLevels: true,
      level: 'debug',
      base: null,
      timestamp: () => `,"time":"${new Date().toISOString()}"`,
      formatters: { level: (label) => ({ level: label }) },
    },
    { write: (written: string) => void (line = written) },
  );
  return ({ severity, name, message, fields }) => {
    // Nested, so that no field passes for a part of the line's own frame or has a meaning to pino.
    logger[severity]({ event: name, fields }, message);
    return `${visibleJson(line.trimEnd())}\n`;
  };
}

function textFormat(fd: number): Format {
  // https://no-color.org: any value but the empty one.
  const coloured = isatty(fd) && (process.env['NO_COLOR'] ?? '') === '';
  return (event) => formatText(event, new Date().toISOString(), coloured);
}

function lineOf(event: PosternEvent, redactor: Redactor, format: Format): string {
  const { severity, name } = event;
  try {
    const message = redactor.text(event.message);
    return format({ severity, name, message, fields: redactor.fields(event.fields ?? {}) });
  } catch (thrown) {
    const fields = { error: messageOf(thrown) };
    return format({ severity, name, message: 'this event could not be written', fields });
  }
}

function lostLines(count: number): PosternEvent {
  const message = 'log lines were dropped because they were not read';
  return { severity: 'warn', name: 'log.lines_lost', message, fields: { count } };
}
