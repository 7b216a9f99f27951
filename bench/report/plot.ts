/** Line plots as SVG, without a script: they print, and follow the reader's light or dark. Pure. */

export interface Line {
  readonly name: string;
  readonly x: readonly number[];
  readonly y: readonly number[];
}

export interface Axis {
  readonly label: string;
  readonly scale: 'linear' | 'log';
  /** What stands at a mark; the number itself otherwise. */
  readonly text?: (value: number) => string;
  /** Where marks are; chosen evenly otherwise. */
  readonly marks?: readonly number[];
}

export interface PlotOptions {
  readonly title: string;
  readonly x: Axis;
  readonly y: Axis;
}

const [WIDTH, HEIGHT] = [640, 300];
const MARGIN = { left: 64, right: 16, top: 28, bottom: 44 };
const MARKS = 5;
const COLOURS = ['#2563eb', '#d97706', '#059669', '#dc2626', '#7c3aed', '#475569'];

interface Range {
  readonly from: number;
  readonly to: number;
}

export function plot(lines: readonly Line[], { title, x, y }: PlotOptions): string {
  const [rangeX, rangeY] = [rangeOf(lines.flatMap((line) => line.x), x), rangeOf(lines.flatMap((line) => line.y), y)];
  const placeX = (value: number): number => MARGIN.left + place(value, rangeX, x) * (WIDTH - MARGIN.left - MARGIN.right);
  const placeY = (value: number): number => HEIGHT - MARGIN.bottom - place(value, rangeY, y) * (HEIGHT - MARGIN.top - MARGIN.bottom);
  return [
    `<svg viewBox="0 0 ${WIDTH} ${HEIGHT}" role="img" aria-label="${escaped(title)}"><text class="title" x="${MARGIN.left}" y="16">${escaped(title)}</text>`,
    ...marksOf(rangeX, x).map((value) => `<line class="grid" x1="${at(placeX(value))}" x2="${at(placeX(value))}" y1="${MARGIN.top}" y2="${HEIGHT - MARGIN.bottom}"/><text x="${at(placeX(value))}" y="${HEIGHT - MARGIN.bottom + 16}" text-anchor="middle">${textOf(value, x)}</text>`),
    ...marksOf(rangeY, y).map((value) => `<line class="grid" x1="${MARGIN.left}" x2="${WIDTH - MARGIN.right}" y1="${at(placeY(value))}" y2="${at(placeY(value))}"/><text x="${MARGIN.left - 6}" y="${at(placeY(value) + 4)}" text-anchor="end">${textOf(value, y)}</text>`),
    `<text x="${(WIDTH + MARGIN.left) / 2}" y="${HEIGHT - 8}" text-anchor="middle">${escaped(x.label)}</text><text x="6" y="16">${escaped(y.label)}</text>`,
    ...lines.map((line, index) => `<polyline fill="none" stroke="${colourOf(index)}" stroke-width="1.6" points="${line.x.map((value, point) => `${at(placeX(value))},${at(placeY(line.y[point] ?? 0))}`).join(' ')}"/>`),
    '</svg>', legend(lines),
  ].join('\n');
}

const colourOf = (index: number): string => COLOURS[index % COLOURS.length] ?? '#000';

const legend = (lines: readonly Line[]): string => `<p class="legend">${lines.map(({ name }, index) => `<span style="color:${colourOf(index)}">●</span> ${escaped(name)}`).join('&ensp;')}</p>`;

function rangeOf(values: readonly number[], { scale }: Axis): Range {
  const known = values.filter((value) => Number.isFinite(value) && (scale === 'linear' || value > 0));
  const most = known.reduce((a, b) => Math.max(a, b), scale === 'log' ? 1 : 0);
  const from = scale === 'log' ? known.reduce((a, b) => Math.min(a, b), most) : 0;
  return { from, to: most > from ? most : from + 1 };
}

function place(value: number, { from, to }: Range, { scale }: Axis): number {
  const clamped = Math.min(to, Math.max(from, value));
  return scale === 'log' ? Math.log(clamped / from) / Math.log(to / from) : (clamped - from) / (to - from);
}

function marksOf({ from, to }: Range, { scale, marks }: Axis): readonly number[] {
  if (marks !== undefined) return marks.filter((value) => value >= from && value <= to);
  const steps = Array.from({ length: MARKS + 1 }, (_, step) => step / MARKS);
  return steps.map((share) => (scale === 'log' ? from * (to / from) ** share : from + (to - from) * share));
}

const textOf = (value: number, { text }: Axis): string => escaped(text === undefined ? shortNumber(value) : text(value));

const shortNumber = (value: number): string => (value >= 10_000 ? `${(value / 1_000).toFixed(0)}k` : value >= 100 ? value.toFixed(0) : value >= 1 ? value.toFixed(1) : value.toFixed(2));

const at = (value: number): string => value.toFixed(1);

const ENTITIES: Readonly<Record<string, string>> = { '&': '&amp;', '<': '&lt;', '>': '&gt;', '"': '&quot;' };

export const escaped = (text: string): string => text.replace(/[&<>"]/g, (character) => ENTITIES[character] ?? character);
