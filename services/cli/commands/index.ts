import type { AnyCommand } from '../command.ts'
import { doctor } from './doctor.ts'
import { leases } from './leases.ts'

/** Every command, in the order in which the help lists them. */
export const commands: readonly AnyCommand[] = [doctor, leases]
