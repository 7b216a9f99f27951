/**
 * What operators are told about targets, as events like any other: targets whose patterns name `hooktail.…` get them. The
 * idempotency key names the very occasion, so that telling of it twice, as after a crash, makes one event.
 */
import type { TargetId } from './ids.ts';
import type { Target } from './target.ts';

/** `failing`: its breaker opened, and it was well before. `recovered`: the breaker closed, or a person switched it on again. */
export type NewsKind = 'failing' | 'recovered' | 'disabled';

export interface TargetNews {
  readonly kind: NewsKind;
  readonly target: Pick<Target, 'id' | 'url'>;
  readonly reason: string;
  readonly at: Date;
  /** Tells this occasion from others of the kind. */
  readonly occasion: string;
}

export const newsTypeOf = (kind: NewsKind): string => `hooktail.target.${kind}`;

export const newsKeyOf = ({ kind, target, occasion }: TargetNews): string => `${newsTypeOf(kind)}/${target.id}/${occasion}`;

interface NewsBody {
  readonly type: string;
  readonly targetId: TargetId;
  readonly url: string;
  readonly reason: string;
  readonly at: string;
}

export const newsBodyOf = ({ kind, target, reason, at }: TargetNews): NewsBody => ({ type: newsTypeOf(kind), targetId: target.id, url: publicUrl(target.url), reason, at: at.toISOString() });

/** Without what may be secret: user name and password, query and fragment. */
export function publicUrl(text: string): string {
  if (!URL.canParse(text)) return '';
  const { protocol, host, pathname } = new URL(text);
  return `${protocol}//${host}${pathname}`;
}
