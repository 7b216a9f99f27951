/** Who makes a request of the admin routes: told by the guard, asked for by the audit. */
import type { Context } from 'hono';

const actors = new WeakMap<Request, string>();

export const setActor = ({ req }: Context, actor: string): void => void actors.set(req.raw, actor);

/** A request that no guard has looked at has come over loopback, where none is asked for. */
export const actorOf = ({ req }: Context): string => actors.get(req.raw) ?? 'loopback';
