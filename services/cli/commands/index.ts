import type { AnyCommand } from '../command.ts'
import { discardDeadLetters } from './dead-letters/discard.ts'
import { listDeadLetters } from './dead-letters/list.ts'
import { redriveDeadLetters } from './dead-letters/redrive.ts'
import { showDeadLetter } from './dead-letters/show.ts'
import { doctor } from './doctor.ts'
import { leases } from './leases.ts'
import { local } from './local.ts'
import { replay } from './replay.ts'
import { put } from './stream/put.ts'
import { tail } from './stream/tail.ts'

/** All commands, in the order of the help. */
export const commands: readonly AnyCommand[] = [
  doctor,
  leases,
  replay,
  tail,
  put,
  listDeadLetters,
  showDeadLetter,
  redriveDeadLetters,
  discardDeadLetters,
  local,
]
