/** What this program calls itself, told once: in package.json. */
import { readFileSync } from 'node:fs';

export interface About {
  readonly name: string;
  readonly version: string;
  readonly description: string;
  readonly license: string;
}

const { name, version, description, license } = JSON.parse(readFileSync(new URL('../../package.json', import.meta.url), 'utf8')) as About;

export const ABOUT: About = { name, version, description, license };
