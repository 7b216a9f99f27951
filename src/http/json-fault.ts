/**
 * Where a text stops being JSON (RFC 8259): run only on texts that `JSON.parse` has refused, since V8 tells the place only
 * sometimes and repeats the content when it does. Character by character, so that no length and no nesting is too much.
 */

/** What may come next. */
type Expect = 'value' | 'valueOrEnd' | 'keyOrEnd' | 'key' | 'colon' | 'commaOrEnd' | 'nothing';
type Kind = 'open' | 'close' | 'comma' | 'colon' | 'string' | 'literal';

const KINDS: Readonly<Record<string, Kind>> = { '{': 'open', '[': 'open', '}': 'close', ']': 'close', ',': 'comma', ':': 'colon', '"': 'string' };

/** The index of the first character that cannot be part of a JSON text; its length when the text ends too soon. */
export function locateJsonFault(text: string): number {
  const stack: string[] = [];
  let expect: Expect = 'value';
  for (let start = skipSpace(text, 0); ; ) {
    const first = text.charAt(start);
    const kind = KINDS[first] ?? 'literal';
    const next: Expect | null = first === '' ? null : after(expect, kind, first, stack);
    if (next === null) return start;
    const end = kind === 'string' ? scanString(text, start) : kind === 'literal' ? scanLiteral(text, start) : start + 1;
    if (end < 0) return ~end;
    expect = next;
    start = skipSpace(text, end);
  }
}

function skipSpace(text: string, from: number): number {
  let index = from;
  while (index < text.length && ' \t\n\r'.includes(text.charAt(index))) index += 1;
  return index;
}

/** The index after a token; or the complement (`~`) of the index of its fault, which is always below 0. */
type End = number;

const ESCAPED = '"\\/bfnrt';
const HEX = /^[0-9a-fA-F]$/;

function scanString(text: string, start: number): End {
  for (let index = start + 1; index < text.length; index += 1) {
    const character = text.charAt(index);
    if (character === '"') return index + 1;
    if (character < ' ') return ~index;
    if (character !== '\\') continue;
    index += 1;
    const hexDigits = text.charAt(index) === 'u' ? 4 : 0;
    if (hexDigits === 0 && (index >= text.length || !ESCAPED.includes(text.charAt(index)))) return ~index;
    for (let digit = 0; digit < hexDigits; digit += 1) if (!HEX.test(text.charAt((index += 1)))) return ~Math.min(index, text.length);
  }
  return ~text.length;
}

function scanLiteral(text: string, start: number): End {
  const word = ['true', 'false', 'null'].find((candidate) => candidate.startsWith(text.charAt(start)));
  return word === undefined ? scanNumber(text, start) : scanWord(text, start, word);
}

function scanWord(text: string, start: number, word: string): End {
  for (let offset = 1; offset < word.length; offset += 1) if (text.charAt(start + offset) !== word.charAt(offset)) return ~(start + offset);
  return start + word.length;
}

const isDigit = (character: string): boolean => character >= '0' && character <= '9' && character !== '';

/** Its parts in order: sign, whole, fraction, exponent. A part that has begun needs a digit. */
function scanNumber(text: string, start: number): End {
  let index = start + Number(text.charAt(start) === '-');
  if (!isDigit(text.charAt(index))) return ~index;
  index = text.charAt(index) === '0' ? index + 1 : skipDigits(text, index);
  if (text.charAt(index) === '.') {
    if (!isDigit(text.charAt(index + 1))) return ~(index + 1);
    index = skipDigits(text, index + 1);
  }
  if (!'eE'.includes(text.charAt(index) || ' ')) return index;
  index += 1 + Number('+-'.includes(text.charAt(index + 1) || ' '));
  return isDigit(text.charAt(index)) ? skipDigits(text, index) : ~index;
}

function skipDigits(text: string, from: number): number {
  let index = from;
  while (isDigit(text.charAt(index))) index += 1;
  return index;
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
