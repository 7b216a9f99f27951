/** All scenarios, in the order of `--scenario all`. */
import type { Scenario } from './scenario.ts';
import { coldStartTwo } from './scenarios/cold-start-two.ts';
import { mongodKill } from './scenarios/mongod-kill.ts';
import { processorKill } from './scenarios/processor-kill.ts';
import { processorStop } from './scenarios/processor-stop.ts';
import { processorTerm } from './scenarios/processor-term.ts';
import { scale } from './scenarios/scale.ts';
import { stepDownScenario } from './scenarios/step-down.ts';
import { handover } from './scenarios/handover.ts';
import { mongodClock } from './scenarios/mongod-clock.ts';
import { takeover } from './scenarios/takeover.ts';
import { blackHole } from './scenarios/black-hole.ts';
import { clocks } from './scenarios/clocks.ts';
import { retryStorm } from './scenarios/retry-storm.ts';
import { backlog } from './scenarios/backlog.ts';
import { hostileRequests } from './scenarios/hostile-requests.ts';
import { hostileResponses } from './scenarios/hostile-responses.ts';

export const SCENARIOS: readonly Scenario[] = [
  processorKill, processorTerm, processorStop, coldStartTwo, scale, mongodKill, stepDownScenario, handover, mongodClock, takeover, blackHole, clocks, retryStorm, backlog,
  hostileRequests, hostileResponses,
];
