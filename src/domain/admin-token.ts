/**
 * A token of the admin routes: `htk_` and 32 random bytes, told once and kept as its SHA-256 only. A plain digest is enough, since
 * nobody guesses 256 random bits; it is looked up, and compared, as a digest.
 */
import { createHash, randomBytes } from 'node:crypto';
import type { TokenId } from './ids.ts';
import type { Scope } from './scope.ts';

export interface AdminToken {
  readonly id: TokenId;
  readonly name: string;
  readonly scope: Scope;
  readonly createdAt: Date;
  readonly expiresAt: Date | null;
  readonly revokedAt: Date | null;
  readonly lastUsedAt: Date | null;
}

const PREFIX = 'htk_';
const TOKEN = /^htk_[A-Za-z0-9_-]{43}$/;

export const newTokenText = (): string => PREFIX + randomBytes(32).toString('base64url');
export const looksLikeToken = (text: string): boolean => TOKEN.test(text);
export const digestOf = (text: string): Buffer => createHash('sha256').update(text).digest();
