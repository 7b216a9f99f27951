/** Prometheus' text format, read strictly: what a scraper would make of it, or a refusal where it would refuse. */
import assert from 'node:assert/strict';

export interface Scrape {
  /** By `name{label="word"}`, labels as they stand. */
  readonly series: ReadonlyMap<string, number>;
  /** Names with the type that is told of each. */
  readonly types: ReadonlyMap<string, string>;
  /** The sum of all series of a name, of those that hold this text. */
  readonly sum: (name: string, part?: string) => number;
}

const COMMENT = /^# (HELP|TYPE) ([a-zA-Z_:][a-zA-Z0-9_:]*) (.+)$/;
/** Scrapers read numbers as Go does, in either case; the library writes Nan. */
const SAMPLE = /^([a-zA-Z_:][a-zA-Z0-9_:]*)(\{(?:[a-zA-Z_][a-zA-Z0-9_]*="(?:[^"\\\n]|\\[\\"n])*",?)*\})? ([Nn]a[Nn]|[+-]Inf|-?\d+(?:\.\d+)?(?:e[+-]?\d+)?)$/;

export function readScrape(text: string): Scrape {
  assert.ok(text.endsWith('\n'), 'expected the text to end with a line end');
  const [series, types] = [new Map<string, number>(), new Map<string, string>()];
  for (const line of text.split('\n').filter((candidate) => candidate !== '')) {
    const [, kind, name = '', rest = ''] = COMMENT.exec(line) ?? [];
    if (kind === 'TYPE') types.set(name, rest);
    if (kind !== undefined) continue;
    const [, sample, labels = '', value = ''] = SAMPLE.exec(line) ?? [];
    assert.ok(sample !== undefined, `no line of the format: ${line}`);
    assert.ok(types.has(sample) || types.has(sample.replace(/_(bucket|sum|count)$/, '')), `no type is told of ${sample}`);
    assert.ok(!series.has(sample + labels), `told twice: ${sample}${labels}`);
    series.set(sample + labels, Number(value.replace('Inf', 'Infinity')));
  }
  const sum = (name: string, part = ''): number => [...series].filter(([key]) => key.replace(/\{.*/, '') === name && key.includes(part)).reduce((total, [, value]) => total + value, 0);
  return { series, types, sum };
}
