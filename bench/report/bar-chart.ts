/** A horizontal bar chart as an SVG file of its own that suits light and dark pages. */
export interface BarChart {
  readonly title: string;
  readonly bars: readonly Bar[];
  readonly write: (value: number) => string;
}

export interface Bar {
  readonly label: string;
  readonly value: number;
  /** How far the rounds were apart, for a whisker; `null` for none. */
  readonly range: { readonly min: number; readonly max: number } | null;
  /** Bars of ours stand out from those beside them. */
  readonly ours: boolean;
}

const WIDTH = 860;
const LABELS = 310;
const ROW = 30;
const HEAD = 44;
/** For the figure at the end of the longest bar. */
const MARGIN = 90;

/** Renders a chart; it loads nothing. */
export function renderBarChart({ title, bars, write }: BarChart): string {
  const largest = Math.max(...bars.map(({ value, range }) => Math.max(value, range?.max ?? 0)));
  const scale = (value: number): number => (value / largest) * (WIDTH - LABELS - MARGIN);
  const height = HEAD + bars.length * ROW + 8;
  const said = bars.map(({ label, value }) => `${label}: ${write(value)}`).join('; ');
  return `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${WIDTH} ${height}" font-family="system-ui, sans-serif" font-size="14" role="img" aria-label="${escape(`${title}. ${said}`)}">
  <style>
    text { fill: #1f2937 }
    .other { fill: #94a3b8 }
    .ours { fill: #15803d }
    .whisker { stroke: #1f2937; stroke-width: 1.5; fill: none }
    @media (prefers-color-scheme: dark) {
      text { fill: #e5e7eb }
      .other { fill: #64748b }
      .ours { fill: #4ade80 }
      .whisker { stroke: #e5e7eb }
    }
  </style>
  <text x="0" y="20" font-weight="600">${escape(title)}</text>
${bars.map((bar, index) => renderBar(bar, HEAD + index * ROW, { scale, write })).join('\n')}
</svg>
`;
}

function renderBar(
  { label, value, range, ours }: Bar,
  y: number,
  { scale, write }: { scale: (value: number) => number; write: (value: number) => string },
): string {
  const end = LABELS + scale(value);
  const [from, to] =
    range === null ? [end, end] : [range.min, range.max].map((limit) => LABELS + scale(limit));
  const whisker =
    range === null
      ? ''
      : `\n  <path class="whisker" d="M${at(from)} ${y + 10}H${at(to)}M${at(from)} ${y + 6}v8M${at(to)} ${y + 6}v8"/>`;
  return `  <text x="${LABELS - 10}" y="${y + 15}" text-anchor="end">${escape(label)}</text>
  <rect class="${ours ? 'ours' : 'other'}" x="${LABELS}" y="${y}" width="${at(end - LABELS)}" height="20" rx="3"/>${whisker}
  <text x="${at(Math.max(end, to ?? end) + 8)}" y="${y + 15}">${escape(write(value))}</text>`;
}

function at(value: number | undefined): string {
  return (value ?? 0).toFixed(1);
}

function escape(text: string): string {
  return text
    .replaceAll('&', '&amp;')
    .replaceAll('<', '&lt;')
    .replaceAll('>', '&gt;')
    .replaceAll('"', '&quot;');
}
