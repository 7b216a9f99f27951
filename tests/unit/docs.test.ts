/** What the documents point at is there. */
import assert from 'node:assert/strict';
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { dirname, join, posix } from 'node:path';
import { describe, test } from 'node:test';
import { fileURLToPath } from 'node:url';

const repository = fileURLToPath(new URL('../../', import.meta.url));
const exists = (path: string): boolean => existsSync(join(repository, path));

/** Paths in backticks that look like the repository's own, without placeholders, and the targets of relative links. */
function pathsIn(document: string, markdown: string): readonly string[] {
  const quoted = [...markdown.matchAll(/`((?:src|tools|docs|tests|bench)\/[^`\s{}*<>…]*)`/g)].map(([, path = '']) => path.replace(/[:#]\d+.*$/, ''));
  const links = [...markdown.matchAll(/\]\((?![a-z][a-z0-9+.-]*:|#)([^)\s]+)/gi)].map(([, target = '']) => posix.join(dirname(document), decodeURI(target.replace(/#.*$/, ''))));
  return [...quoted, ...links];
}

test('the documents that everything refers to exist', () => {
  for (const path of ['README.md', 'CHANGELOG.md', 'docs/design.md']) assert.ok(exists(path), path);
});

describe('every path and relative link exists', () => {
  const inDocs = readdirSync(join(repository, 'docs'), { recursive: true, encoding: 'utf8' }).filter((name) => name.endsWith('.md')).map((name) => posix.join('docs', name.replaceAll('\\', '/')));
  for (const document of ['README.md', ...inDocs].filter(exists)) {
    test(`in ${document}`, () => {
      const missing = pathsIn(document, readFileSync(join(repository, document), 'utf8')).filter((path) => !exists(path));
      assert.deepEqual(missing, []);
    });
  }

  test('and the check finds both kinds, and leaves placeholders and other sites alone', () => {
    const markdown = 'See `src/a.ts`, `src/b.ts:12`, `tests/*.ts`, `npm test`, `tools/<name>.ts`, [c](decisions/c.md#why), [d](https://example.com/d), [e](#here), ![f](f.svg).';
    assert.deepEqual(pathsIn('docs/x.md', markdown), ['src/a.ts', 'src/b.ts', 'docs/decisions/c.md', 'docs/f.svg']);
  });
});
