import type { PosternEvent, Severity } from '#lib';
import { visible } from './visible.ts';

interface Style {
  readonly label: string;
  readonly colour: string;
}

const RESET = '\u001b[0m';
const DIM = '\u001b[2m';

const STYLES: Readonly<Record<Severity, Style>> = {
  debug: { label: ' debug ', colour: DIM },
  info: { label: ' info  ', colour: '\u001b[32m' },
  warn: { label: ' warn  ', colour: '\u001b[33m' },
  error: { label: ' ERROR ', colour: '\u001b[31m' },
  alert: { label: '!ALERT!', colour: '\u001b[1;97;41m' },
};

/**
 * An event as one line for people, line feed included: time, severity, name, sentence, fields. No
 * text in the event can end the line or reach the terminal as a control sequence.
 *
 * @param time ISO 8601
 */
export function formatText(event: PosternEvent, time: string, coloured: boolean): string {
  const { label, colour } = STYLES[event.severity];
  const paint = (text: string, code: string) => (coloured ? `${code}${text}${RESET}` : text);
  const fields = flatten(event.fields ?? {}, '').map(([key, value]) =>
    paint(`${key}=${value}`, DIM),
  );
  const parts = [
    paint(time, DIM),
    paint(label, colour),
    visible(event.name),
    sentence(event.message),
    ...fields,
  ];
  return `${parts.join(' ')}\n`;
}

/** Quoted when it could pass for fields. */
function sentence(message: string): string {
  return message.includes('=') ? quote(message) : visible(message);
}

/** Nested fields as `client.principal`; lists as JSON. */
function flatten(fields: object, prefix: string): [string, string][] {
  return Object.entries(fields).flatMap(([key, value]: [string, unknown]): [string, string][] => {
    const path = `${prefix}${/^[\w-]+$/.test(key) ? key : quote(key)}`;
    const nested = typeof value === 'object' && value !== null && !Array.isArray(value);
    return nested ? flatten(value, `${path}.`) : [[path, show(value)]];
  });
}

/** Values with nothing special in them go without quotes. */
function show(value: unknown): string {
  return typeof value === 'string' && /^[\w.:/@+-]+$/.test(value) ? value : quote(value);
}

function quote(value: unknown): string {
  return visible(JSON.stringify(value) ?? '');
}
