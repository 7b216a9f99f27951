/** What operators are given names metrics that there are: the alerts, the dashboard, and the list in the document. */
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { describe, test } from 'node:test';
import { parse } from 'yaml';
import { PROBLEM_CODES } from '../../src/http/problem.ts';
import { allMetrics } from '../support/all-metrics.ts';

const read = (name: string): string => readFileSync(new URL(`../../docs/${name}`, import.meta.url), 'utf8');

interface Rule {
  readonly alert: string;
  readonly expr: string;
  readonly for?: string;
  readonly labels: { readonly severity: string };
  readonly annotations: { readonly summary: string };
}

interface Panel {
  readonly id: number;
  readonly type: string;
  readonly title: string;
  readonly gridPos: { readonly x: number; readonly w: number };
  readonly targets?: readonly { readonly expr: string }[];
}

const rules = (parse(read('alerts.yml')) as { readonly groups: readonly { readonly rules: readonly Rule[] }[] }).groups.flatMap((group) => group.rules);
const dashboard = JSON.parse(read('grafana-dashboard.json')) as { readonly panels: readonly Panel[]; readonly schemaVersion: number };
const queries = dashboard.panels.flatMap(({ targets = [] }) => targets.map(({ expr }) => expr));

/** Names in a query that look like a metric: what stands before a bracket or alone, with a prefix of ours or of the process. */
const namesIn = (query: string): readonly string[] => [...query.matchAll(/\b(?:hooktail|process|nodejs)_[a-z0-9_]+/g)].map(([name]) => name);

/** Names that the query may use: of a histogram, those of its parts. */
async function usable(): Promise<ReadonlySet<string>> {
  const names = [...(await allMetrics())].flatMap(([name, type]) => (type === 'histogram' ? [`${name}_bucket`, `${name}_sum`, `${name}_count`] : [name]));
  return new Set(names);
}

/** Whether brackets close in their order, texts left out. */
function isBalanced(query: string): boolean {
  const open: string[] = [];
  for (const character of query.replace(/"(?:[^"\\]|\\.)*"/g, '')) {
    if ('([{'.includes(character)) open.push(character);
    else if (')]}'.includes(character) && open.pop() !== { ')': '(', ']': '[', '}': '{' }[character]) return false;
  }
  return open.length === 0;
}

test('every query of an alert and of the dashboard uses metrics that there are', async () => {
  const known = await usable();
  for (const query of [...rules.map(({ expr }) => expr), ...queries]) {
    const names = namesIn(query);
    assert.ok(names.length > 0 && isBalanced(query), query);
    assert.deepEqual(names.filter((name) => !known.has(name)), [], query);
  }
});

test('and the check would find one that is not there, and brackets that do not close', async () => {
  assert.ok(!(await usable()).has(namesIn('rate(hooktail_made_up_total[5m])')[0] ?? ''));
  assert.deepEqual([isBalanced('a(b[c])'), isBalanced('a(b[c)]'), isBalanced('a{b="("}'), isBalanced('a(')], [true, false, true, false]);
});

describe('an alert', () => {
  test('has a name of its own, a severity, a sentence, and says in the document what to do', () => {
    const document = read('operations.md');
    assert.equal(new Set(rules.map(({ alert }) => alert)).size, rules.length);
    for (const { alert, labels, annotations } of rules) {
      assert.match(alert, /^Hooktail[A-Z][A-Za-z]+$/);
      assert.ok(['page', 'ticket'].includes(labels.severity) && annotations.summary.length > 20, alert);
      assert.ok(document.includes(`**${alert}**`), `${alert} is not in operations.md`);
    }
    for (const [, alert = ''] of document.matchAll(/\*\*(Hooktail[A-Za-z]+)\*\*/g)) assert.ok(rules.some((rule) => rule.alert === alert), `${alert} is no alert`);
  });

  test('asks for codes that there are', () => {
    const known = new Set<string>(PROBLEM_CODES.map(({ code }) => code));
    const codes = rules.flatMap(({ expr }) => [...expr.matchAll(/code=~?"([^"]+)"/g)].flatMap(([, words = '']) => words.split('|')));
    assert.ok(codes.length > 0);
    assert.deepEqual(codes.filter((code) => !known.has(code)), []);
  });
});

test('the document names every metric of ours, and none that is not there', async () => {
  const names = [...(await allMetrics()).keys()].filter((name) => name.startsWith('hooktail_'));
  const told = [...read('operations.md').matchAll(/^\| `(hooktail_[a-z_]+)`/gm)].map(([, name]) => name);
  assert.deepEqual(told.toSorted(), names.toSorted());
});

test('the dashboard has panels with ids of their own that fit its width', () => {
  const { panels } = dashboard;
  assert.ok(panels.length > 15 && new Set(panels.map(({ id }) => id)).size === panels.length);
  for (const { title, type, gridPos, targets = [] } of panels) assert.ok(title !== '' && gridPos.x + gridPos.w <= 24 && (type === 'row' || targets.length > 0), title);
});
