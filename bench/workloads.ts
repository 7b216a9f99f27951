/** All workloads, in the order of `npm run bench -- all`. */
import type { Workload } from './workloads/workload.ts';
import { backlog } from './workloads/backlog.ts';
import { beside } from './workloads/beside.ts';
import { bodies } from './workloads/bodies.ts';
import { burst } from './workloads/burst.ts';
import { catchUp } from './workloads/catch-up.ts';
import { crash } from './workloads/crash.ts';
import { deadTarget } from './workloads/dead-target.ts';
import { failing } from './workloads/failing.ts';
import { hotTarget } from './workloads/hot-target.ts';
import { idle } from './workloads/idle.ts';
import { knee } from './workloads/knee.ts';
import { manyTargets } from './workloads/many-targets.ts';
import { peak } from './workloads/peak.ts';
import { replay } from './workloads/replay.ts';
import { steady } from './workloads/steady.ts';

export const WORKLOADS: readonly Workload[] = [steady, beside, peak, knee, burst, deadTarget, failing, manyTargets, catchUp, replay, backlog, idle, crash, hotTarget, bodies];

/** What a quick run without names measures: where the counts are, and what breaks first. */
export const QUICK_WORKLOADS: readonly Workload[] = [peak, steady, catchUp, idle];
