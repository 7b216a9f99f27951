/**
 * Where a text stops being JSON (RFC 8259): run only on texts that `JSON.parse` has refused, since V8 tells the place only
 * sometimes and repeats the content when it does.
 */
const TOKEN = /[ \t\n\r]*(?:(?<open>[{[])|(?<close>[}\]])|(?<comma>,)|(?<colon>:)|(?<string>"(?:[^"\\\u0000-\u001f]|\\(?:["\\/bfnrt]|u[0-9a-fA-F]{4}))*")|(?<literal>true|false|null|-?(?:0|[1-9]\d*)(?:\.\d+)?(?:[eE][+-]?\d+)?))/y;

/** What may come next. */
type Expect = 'value' | 'valueOrEnd' | 'keyOrEnd' | 'key' | 'colon' | 'commaOrEnd' | 'nothing';
type Kind = 'open' | 'close' | 'comma' | 'colon' | 'string' | 'literal';

/** The index of the first character that cannot be part of a JSON text; its length when the text ends too soon. */
export function locateJsonFault(text: string): number {
  const stack: string[] = [];
  let expect: Expect = 'value';
  for (let index = 0; ; index = TOKEN.lastIndex) {
    const start = index + (/^[ \t\n\r]*/.exec(text.slice(index, index + 64))?.[0].length ?? 0);
    TOKEN.lastIndex = index;
    const groups = TOKEN.exec(text)?.groups;
    const kind = (Object.keys(groups ?? {}) as Kind[]).find((name) => groups?.[name] !== undefined);
    const next: Expect | null = kind === undefined ? null : after(expect, kind, groups?.[kind] ?? '', stack);
    if (next === null) return start;
    expect = next;
  }
}

/** What follows a token, or null when it must not stand here. */
function after(expect: Expect, kind: Kind, token: string, stack: string[]): Expect | null {
  const wantsValue = expect === 'value' || expect === 'valueOrEnd';
  switch (kind) {
    case 'open':
      if (!wantsValue) return null;
      stack.push(token);
      return token === '{' ? 'keyOrEnd' : 'valueOrEnd';
    case 'close':
      return closes(expect, token, stack) ? ended(stack) : null;
    case 'comma':
      return expect !== 'commaOrEnd' ? null : stack.at(-1) === '{' ? 'key' : 'value';
    case 'colon':
      return expect === 'colon' ? 'value' : null;
    case 'string':
      if (expect === 'key' || expect === 'keyOrEnd') return 'colon';
      return wantsValue ? ended(stack) : null;
    case 'literal':
      return wantsValue ? ended(stack) : null;
  }
}

function closes(expect: Expect, token: string, stack: string[]): boolean {
  const allowed = token === '}' ? ['keyOrEnd', 'commaOrEnd'] : ['valueOrEnd', 'commaOrEnd'];
  return allowed.includes(expect) && stack.pop() === (token === '}' ? '{' : '[');
}

const ended = (stack: readonly string[]): Expect => (stack.length === 0 ? 'nothing' : 'commaOrEnd');
