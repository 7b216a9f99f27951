/** The report as one page that needs nothing else: figures with their spread, ratios, latencies, and what happened over time. Pure. */
import { FIGURES, type FigureName } from '../figures/figures.ts';
import { percentileMs, type Histogram } from '../figures/latency.ts';
import { escaped, plot, type Line } from './plot.ts';
import type { Report, Summary, VariantSummary } from './summary.ts';
import { ratioText, spreadText } from './terminal.ts';

const STYLE = `
:root { color-scheme: light dark; --line: #8884; }
body { font: 15px/1.5 system-ui, sans-serif; max-width: 72rem; margin: 2rem auto; padding: 0 1rem; }
table { border-collapse: collapse; font-variant-numeric: tabular-nums; }
th, td { text-align: left; padding: .25rem .9rem .25rem 0; border-bottom: 1px solid var(--line); vertical-align: top; }
svg { width: 100%; max-width: 40rem; font: 11px system-ui, sans-serif; fill: currentColor; } svg .grid { stroke: var(--line); } svg .title { font-weight: 600; font-size: 13px; }
.plots { display: grid; grid-template-columns: repeat(auto-fit, minmax(24rem, 1fr)); gap: 1rem; } .legend { margin: 0; font-size: 13px; } code { white-space: pre-wrap; }`;

export function htmlReport({ machine, startedAt, command, summaries }: Report): string {
  const { processor, cores, memoryGiB, system, node, mongod, commit, packages } = machine;
  const facts = { command, at: startedAt, commit, machine: `${cores} × ${processor}, ${memoryGiB} GiB, ${system}; load, servers, databases and receivers all on it`, node, mongod, packages: Object.entries(packages).map(([name, version]) => `${name} ${version}`).join(', ') };
  return [
    `<!doctype html><html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width"><title>Hooktail benchmark</title><style>${STYLE}</style></head><body>`,
    '<h1>Hooktail benchmark</h1>', table([], Object.entries(facts)),
    '<p>Every run is a fresh installation of real processes, and is told only because what was accepted, stored and delivered is the same. Of several runs: the median, with the least and the most.</p>',
    ...summaries.map(section), '</body></html>',
  ].join('\n');
}

function section({ workload: { code, name, summary }, variants, ratios, drift }: Summary): string {
  const names = (Object.keys(FIGURES) as FigureName[]).filter((figure) => variants.some(({ figures }) => figures[figure] !== undefined));
  const rows = names.map((figure) => [FIGURES[figure].label, ...variants.map(({ figures }) => (figures[figure] === undefined ? '' : spreadText(figure, figures[figure])))]);
  return [
    `<h2>${escaped(code)} ${escaped(name)}</h2><p>${escaped(summary)}</p>`,
    table(['', ...variants.map((variant) => `${variant.name} (${variant.runs.length})`)], rows),
    `<ul>${[...ratios.map(ratioText), `the machine itself: ${drift.toFixed(2)} times as slow in its slowest run as in its fastest`].map((text) => `<li>${escaped(text)}</li>`).join('')}</ul>`,
    `<div class="plots">${[...latencyPlots(variants), ...seriesPlots(variants)].map((svg) => `<div>${svg}</div>`).join('\n')}</div>`,
  ].join('\n');
}

const table = (head: readonly string[], rows: readonly (readonly string[])[]): string =>
  `<table>${head.length === 0 ? '' : `<thead><tr>${head.map((cell) => `<th>${escaped(cell)}</th>`).join('')}</tr></thead>`}<tbody>${rows.map((cells) => `<tr>${cells.map((cell) => `<td>${escaped(cell)}</td>`).join('')}</tr>`).join('\n')}</tbody></table>`;

/** Nines: 0 for the median's half, 1 for 90 %, 2 for 99 %. */
const NINES = Array.from({ length: 41 }, (_, step) => step / 10);

function latencyPlots(variants: readonly VariantSummary[]): readonly string[] {
  const kinds = [...new Set(variants.flatMap(({ latencies }) => Object.keys(latencies)))];
  return kinds.map((kind) => plot(variants.flatMap(({ name, latencies }) => (latencies[kind] === undefined ? [] : [distribution(name, latencies[kind])])), {
    title: `Latency: ${kind}`, x: { label: 'percentile', scale: 'linear', marks: [0, 1, 2, 3, 4], text: (nines) => `${Number((100 - 100 / 10 ** nines).toFixed(4))} %` }, y: { label: 'ms', scale: 'log' },
  }));
}

const distribution = (name: string, histogram: Histogram): Line => ({ name, x: NINES, y: NINES.map((nines) => Math.max(0.01, percentileMs(histogram, 100 - 100 / 10 ** nines))) });

/** Of the first run of each variant. */
function seriesPlots(variants: readonly VariantSummary[]): readonly string[] {
  const firsts = variants.flatMap(({ name, runs }) => (runs[0] === undefined ? [] : [{ name, series: runs[0].result.series }]));
  const kinds = new Map(firsts.flatMap(({ series }) => series.map(({ name, unit }) => [name, unit] as const)));
  return [...kinds].map(([kind, unit]) => plot(firsts.flatMap(({ name, series }) => series.filter((one) => one.name === kind).map(({ at, values }) => ({ name, x: at, y: values }))), {
    title: `Over time: ${kind}`, x: { label: 's', scale: 'linear' }, y: { label: unit, scale: 'linear' },
  }));
}
