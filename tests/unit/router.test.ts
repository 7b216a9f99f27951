/** That the paths of all routes together stay of the kind that Hono's fast router takes: every event passes it. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { adminRoutes } from '../../src/admin/admin-routes.ts';
import { createApp } from '../../src/http/app.ts';
import { ingestRoutes } from '../../src/ingest/ingest-routes.ts';
import { createTelemetry } from '../../src/runtime/telemetry.ts';

/** Nothing behind the routes is reached. */
const none = {} as never;

test('the fast router finds every path, and a fixed name beside a parameter is reached through it', async () => {
  const ingest = ingestRoutes({ clock: none, telemetry: none, edge: none, desk: none, writer: none, makeEvent: none, keys: [], maxBodyBytes: 1, maxBatchBytes: 1 });
  const admin = adminRoutes({ store: none, clock: none, telemetry: none, adminToken: null, onLoopback: true, freshTarget: none, proveSchema: none, urlRules: none, metrics: none, defaults: none, hasDefaultTarget: false });
  const app = createApp({ telemetry: createTelemetry(), readiness: none, groups: [ingest, admin] });
  await app.request('/livez');
  assert.match(app.router.name, /RegExpRouter/);
  const through = [...ingest.routes, ...admin.routes].filter(({ reachedThrough }) => reachedThrough !== undefined);
  assert.deepEqual(through.map(({ path, reachedThrough }) => [path, reachedThrough]), [['/api/v1/webhooks/ingest/batch', '/api/v1/webhooks/ingest/:source']]);
});
