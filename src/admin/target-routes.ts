/** The routes of targets, each with what it says of itself. What they do stands in target-handlers.ts. */
import type { Route } from '../http/app.ts';
import type { Answer, JsonSchema, Operation } from '../http/operation.ts';
import { PAGE_QUERY } from './paging.ts';
import { createTargetHandlers, type TargetRouteDeps } from './target-handlers.ts';
import { CHANGES_TARGET, CREATES_TARGET, NEW_TARGET, PAUSES_TARGET, STATISTICS, TARGET, TARGET_PAGE, TEST_SENT } from './target-schema.ts';

const TARGETS = '/api/v1/targets';
const ONE = `${TARGETS}/:id`;

const IF_MATCH: Readonly<Record<string, JsonSchema>> = { 'if-match': { type: 'string', description: 'The ETag of the version that is to be changed' } };
const GONE: Answer = { description: 'No such target' };
const DELETED: Answer = { description: 'The target is being deleted' };
const GUARDED: Readonly<Record<number, Answer>> = { 404: GONE, 409: DELETED, 412: { description: 'It has been changed since' }, 428: { description: 'If-Match is missing' } };
const UNUSABLE: Answer = { description: 'A target cannot be like that; see errors' };

const shown = (description: string): Answer => ({ description, schema: TARGET });

const CREATE: Operation = { summary: 'Make a target', tag: 'targets', scope: 'write', body: CREATES_TARGET, answers: { 201: { description: 'The target, with its signing secret', schema: NEW_TARGET }, 422: UNUSABLE } };
const LIST: Operation = { summary: 'List targets by id', tag: 'targets', scope: 'read', query: PAGE_QUERY, answers: { 200: { description: 'A page', schema: TARGET_PAGE } } };
const READ: Operation = { summary: 'Read a target', tag: 'targets', scope: 'read', answers: { 200: shown('The target'), 404: GONE } };
const CHANGE: Operation = { summary: 'Change the named fields of a target', tag: 'targets', scope: 'write', headers: IF_MATCH, body: CHANGES_TARGET, answers: { 200: shown('As it is now'), ...GUARDED, 422: UNUSABLE } };
const REMOVE: Operation = { summary: 'Delete a target; what it is owed ends as dead', tag: 'targets', scope: 'write', headers: IF_MATCH, answers: { 202: shown('Nothing more is owed or sent to it; it goes once all that it was owed has ended'), ...GUARDED } };
const PAUSE: Operation = { summary: 'Send nothing for now, and keep what comes', tag: 'targets', scope: 'write', body: PAUSES_TARGET, answers: { 200: shown('As it is now'), 404: GONE, 409: DELETED } };
const RESUME: Operation = { summary: 'Send again after a pause, or after it was disabled', tag: 'targets', scope: 'write', answers: { 200: shown('As it is now'), 404: GONE, 409: DELETED } };
const TEST: Operation = { summary: 'Send it a signed event of type hooktail.test, in its turn', tag: 'targets', scope: 'write', answers: { 202: { description: 'The event is stored; read it to see what became of it', schema: TEST_SENT }, 404: GONE, 409: DELETED } };
const READ_STATISTICS: Operation = { summary: 'How a target has been doing', tag: 'targets', scope: 'read', answers: { 200: { description: 'The last 24 hours, and what waits now', schema: STATISTICS }, 404: GONE } };

export function targetRoutes(deps: TargetRouteDeps): readonly Route[] {
  const { create, list, read, change, remove, pause, resume, test, statistics } = createTargetHandlers(deps);
  return [
    { method: 'POST', path: TARGETS, operation: CREATE, handler: create },
    { method: 'GET', path: TARGETS, operation: LIST, handler: list },
    { method: 'GET', path: ONE, operation: READ, handler: read },
    { method: 'PATCH', path: ONE, operation: CHANGE, handler: change },
    { method: 'DELETE', path: ONE, operation: REMOVE, handler: remove },
    { method: 'POST', path: `${ONE}/pause`, operation: PAUSE, handler: pause },
    { method: 'POST', path: `${ONE}/resume`, operation: RESUME, handler: resume },
    { method: 'POST', path: `${ONE}/test`, operation: TEST, handler: test },
    { method: 'GET', path: `${ONE}/statistics`, operation: READ_STATISTICS, handler: statistics },
  ];
}
