/** All faults of a mixed run, in the order of `--list`. */
import type { Fault } from './fault.ts';
import { CLOCK_FAULTS } from './faults/clocks.ts';
import { DATABASE_FAULTS } from './faults/database.ts';
import { PROCESSOR_FAULTS } from './faults/processors.ts';
import { RECEIVER_FAULTS } from './faults/receivers.ts';
import { SERVER_FAULTS } from './faults/servers.ts';

export const FAULTS: readonly Fault[] = [...PROCESSOR_FAULTS, ...SERVER_FAULTS, ...DATABASE_FAULTS, ...RECEIVER_FAULTS, ...CLOCK_FAULTS];
