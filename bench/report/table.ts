/** One table, as text: its columns and rows. */
export interface Table {
  readonly columns: readonly Column[];
  readonly rows: readonly (readonly string[])[];
}

interface Column {
  readonly title: string;
  readonly align: 'left' | 'right';
}

/** A table with its columns aligned by spaces, for terminals and as Markdown. */
export function renderTable(table: Table): string {
  const titles = table.columns.map(({ title }) => title);
  const widths = titles.map((title, index) =>
    Math.max(3, title.length, ...table.rows.map((row) => row[index]?.length ?? 0)),
  );
  const line = (cells: readonly string[]): string =>
    `| ${cells.map((cell, index) => pad(cell, widths[index] ?? 0, table.columns[index])).join(' | ')} |`;
  const rule = widths.map((width, index) =>
    table.columns[index]?.align === 'right' ? `${'-'.repeat(width - 1)}:` : '-'.repeat(width),
  );
  return [line(titles), line(rule), ...table.rows.map((row) => line(row))].join('\n');
}

export function left(title: string): Column {
  return { title, align: 'left' };
}

export function right(title: string): Column {
  return { title, align: 'right' };
}

function pad(cell: string, width: number, column: Column | undefined): string {
  return column?.align === 'right' ? cell.padStart(width) : cell.padEnd(width);
}
