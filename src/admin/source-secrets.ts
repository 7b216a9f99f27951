/** The secrets of a source: which form its scheme needs, and new ones where we are the side that makes them. */
import { randomBytes } from 'node:crypto';
import { assertNever } from '../domain/assert-never.ts';
import { newSecret, secretKey } from '../domain/signing.ts';
import type { Source, SourceScheme } from '../domain/source.ts';
import { Problem } from '../http/problem.ts';

/** @throws Problem where the provider makes the secret */
export function makeSecret({ kind }: SourceScheme): string {
  switch (kind) {
    case 'hooktail':
    case 'standard-webhooks':
      return newSecret();
    case 'hmac-body':
    case 'github':
      // Its text is the key, whatever it looks like, so it looks like no other kind.
      return randomBytes(32).toString('hex');
    case 'stripe':
    case 'shopify':
    case 'slack':
      throw new Problem('schema_mismatch', `Expected secrets: ${kind} makes its own`, { errors: [{ pointer: '/secrets', message: `must be given, as ${kind} shows it` }] });
    default:
      return assertNever(kind);
  }
}

/** @throws Problem when the scheme could not use one of them */
export function refuseUnusableSecrets({ scheme: { kind }, secrets }: Pick<Source, 'scheme' | 'secrets'>): void {
  if (kind !== 'hooktail' && kind !== 'standard-webhooks') return;
  const index = secrets.findIndex((secret) => secretKey(secret) === null);
  if (index !== -1) throw new Problem('schema_mismatch', 'Expected secrets of a usable form', { errors: [{ pointer: `/secrets/${index}`, message: 'must have at least 16 bytes in base64 after whsec_' }] });
}
