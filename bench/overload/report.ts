import type { StepReport } from './plan.ts';

/** What was measured as text: a line a step, then what has to hold. */
export function renderReport(steps: readonly StepReport[]): string {
  const half = steps.find(({ name }) => name === 'half of it');
  const over = steps.find(({ name }) => name.endsWith('times'));
  const after = steps.find(({ name }) => name.startsWith('after'));
  const lines = steps.map(lineOf);
  if (half !== undefined && over !== undefined && after !== undefined) {
    const slower = over.servedUs.p99 / half.servedUs.p99;
    lines.push(
      '',
      `p99 of what was served: ${slower.toFixed(1)} times that of half the load`,
      `memory: ${mib(half.rss.most)} MiB at half the load, ${mib(over.rss.most)} MiB at most`,
      `last refusal after the overload: ${seconds(after.lastRefusalAt)}`,
    );
    for (const [limit, count] of Object.entries(over.refused))
      lines.push(`refused: ${limit} ${count}`);
  }
  for (const { name, complaints } of steps) {
    for (const complaint of complaints) lines.push(`${name}: ${complaint}`);
  }
  return lines.join('\n');
}

function lineOf(step: StepReport): string {
  const refused = Object.values(step.refused).reduce((sum, count) => sum + count, 0);
  const parts = [
    `${step.name}:`.padEnd(16),
    `${Math.round(step.rate)}/s offered,`,
    `${step.served} served (p50 ${ms(step.servedUs.p50)}, p99 ${ms(step.servedUs.p99)}),`,
    `${refused} refused (p99 ${ms(step.refusedUs.p99)}),`,
    `${step.unsent} not sent, ${step.errors} errors, RSS ${mib(step.rss.end)} MiB`,
  ];
  return parts.join(' ');
}

function ms(microseconds: number): string {
  return `${(microseconds / 1000).toFixed(1)} ms`;
}

function mib(bytes: number): number {
  return Math.round(bytes / 1024 / 1024);
}

function seconds(at: number | null): string {
  return at === null ? 'none' : `${at.toFixed(2)} s`;
}
