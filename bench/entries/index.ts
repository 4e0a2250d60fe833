import { api } from './api.ts'
import { consumer } from './consumer.ts'
import type { Entry } from './entry.ts'
import { memory } from './memory.ts'
import { takeover } from './takeover.ts'
import { worker } from './worker.ts'

/** Every benchmark, in the order in which they are run. */
export const entries: readonly Entry[] = [api, worker, consumer, takeover, memory]
