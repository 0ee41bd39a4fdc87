import { labelOf } from './breakdown.ts';
import type { SampleNode } from './sample-tree.ts';
import { stageOf, STAGES, UNKNOWN_STAGE } from './stages.ts';

const WIDTH = 1600;
const ROW = 18;
/** Narrower frames are left out, with everything above them. */
const MIN_WIDTH = 0.4;
/** Room that a character takes, and what a name needs to be shown at all. */
const CHARACTER = 6.6;
const MIN_TEXT = 30;
const HEAD = 84;
const MAX_DEPTH = 120;

/**
 * A flame graph as one SVG file: callers below, callees above, widths by samples, colours by stage. A
 * click widens a frame, another one on the lowest row shows everything again. Loads nothing.
 *
 * @param microseconds CPU time per call that all samples together stand for.
 */
export function flameGraph(root: SampleNode, title: string, microseconds: number): string {
  const frames = framesOf(root);
  const depth = Math.max(0, ...frames.map((frame) => frame.depth));
  const height = HEAD + (depth + 2) * ROW;
  const stages = [...new Set(frames.map(({ stage }) => stage))];
  const draw = (frame: Frame): string => {
    const y = height - (frame.depth + 2) * ROW;
    const share = frame.samples / root.total;
    const tip = `${frame.label} — ${(share * 100).toFixed(2)} %, ${(share * microseconds).toFixed(1)} µs a call — ${frame.stage}`;
    return `<g data-x="${frame.x.toFixed(5)}" data-w="${(frame.samples / root.total).toFixed(5)}" data-y="${y}"><title>${escape(tip)}</title><rect y="${y}" height="${ROW - 1}" fill="${colourOf(frame.stage)}"/><text y="${y + 13}" data-t="${escape(frame.label)}"></text></g>`;
  };
  return `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${WIDTH} ${height}" width="${WIDTH}" height="${height}" font-family="ui-monospace, monospace" font-size="11">
<style>svg { background: #fff } text { pointer-events: none; fill: #111 } g { cursor: pointer } g:hover rect { stroke: #111 }</style>
<text x="8" y="20" font-size="15">${escape(title)}</text>
${legend(stages)}
<g id="frames">
${frames.map(draw).join('\n')}
</g>
<script><![CDATA[${SCRIPT}]]></script>
</svg>
`;
}

interface Frame {
  readonly label: string;
  readonly stage: string;
  readonly depth: number;
  /** Left edge, between 0 and 1. */
  readonly x: number;
  readonly samples: number;
}

function framesOf(root: SampleNode): Frame[] {
  const frames: Frame[] = [];
  const place = (node: SampleNode, depth: number, from: number, above: string): void => {
    const stage = stageOf(node.frame) ?? above;
    const x = from / root.total;
    frames.push({ label: labelOf(node.frame), stage, depth, x, samples: node.total });
    if (depth >= MAX_DEPTH) return;
    let at = from;
    for (const child of node.children.toSorted((a, b) => b.total - a.total)) {
      if ((child.total / root.total) * WIDTH >= MIN_WIDTH) place(child, depth + 1, at, stage);
      at += child.total;
    }
  };
  if (root.total > 0) place(root, 0, 0, UNKNOWN_STAGE);
  return frames;
}

function legend(stages: readonly string[]): string {
  let x = 8;
  let y = 30;
  return stages
    .map((stage) => {
      const width = 16 + stage.length * CHARACTER + 14;
      if (x + width > WIDTH) [x, y] = [8, y + ROW];
      const entry = `<rect x="${x}" y="${y}" width="12" height="12" fill="${colourOf(stage)}"/><text x="${x + 16}" y="${y + 10}">${escape(stage)}</text>`;
      x += width;
      return entry;
    })
    .join('');
}

/** The same stage has the same colour in every graph; neighbours in the list are far apart. */
function colourOf(stage: string): string {
  const index = STAGES.indexOf(stage);
  return index === -1
    ? '#ddd'
    : `hsl(${((index * 137.5) % 360).toFixed(1)} 70% ${74 + (index % 3) * 5}%)`;
}

function escape(text: string): string {
  return text
    .replaceAll('&', '&amp;')
    .replaceAll('<', '&lt;')
    .replaceAll('>', '&gt;')
    .replaceAll('"', '&quot;');
}

/** Lays out the frames, for the whole or for the frame that was clicked. */
const SCRIPT = `
const all = [...document.querySelectorAll('#frames > g')].map((g) => ({
  g, x: +g.dataset.x, w: +g.dataset.w, y: +g.dataset.y,
  rect: g.querySelector('rect'), text: g.querySelector('text'),
}));
function show(from, width, y) {
  for (const { g, x, w, y: own, rect, text } of all) {
    const left = Math.max(0, ((x - from) / width) * ${WIDTH});
    const right = Math.min(${WIDTH}, ((x + w - from) / width) * ${WIDTH});
    g.style.display = right - left < ${MIN_WIDTH} ? 'none' : '';
    g.style.opacity = own > y ? 0.5 : 1;
    rect.setAttribute('x', left);
    rect.setAttribute('width', Math.max(0, right - left - 0.3));
    text.setAttribute('x', left + 3);
    const room = Math.floor((right - left - 6) / ${CHARACTER});
    text.textContent = right - left < ${MIN_TEXT} ? '' : text.dataset.t.slice(0, room);
  }
}
for (const { g, x, w, y } of all) g.addEventListener('click', () => show(x, w, y));
show(0, 1, Infinity);
`;
