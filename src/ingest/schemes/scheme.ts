/** A source's scheme and secrets → the function that checks its requests. */
import { assertNever } from '../../domain/assert-never.ts';
import type { ExpandedSource } from '../../domain/source.ts';
import { createHmacVerifier } from './hmac-body.ts';
import { createHooktailVerifier } from './hooktail.ts';
import { createStandardVerifier } from './standard-webhooks.ts';
import type { Verify } from './verdict.ts';

export function createVerifier({ scheme }: Pick<ExpandedSource, 'scheme'>, secrets: readonly string[]): Verify {
  switch (scheme.kind) {
    case 'hooktail':
      return createHooktailVerifier(secrets);
    case 'standard-webhooks':
      return createStandardVerifier(secrets);
    case 'hmac':
      return createHmacVerifier(scheme.form, secrets);
    default:
      return assertNever(scheme);
  }
}
