import { api } from './api.ts'
import { client } from './client.ts'
import { coldStart } from './cold-start.ts'
import { consumer } from './consumer.ts'
import type { Entry } from './entry.ts'
import { fleet } from './fleet.ts'
import { largeObject } from './large-object.ts'
import { memory } from './memory.ts'
import { neighbours } from './neighbours.ts'
import { pipeline } from './pipeline.ts'
import { start } from './start.ts'
import { takeover } from './takeover.ts'
import { upload } from './upload.ts'
import { worker } from './worker.ts'

/** Every benchmark, in the order in which they are run. */
export const entries: readonly Entry[] = [
  api,
  upload,
  client,
  start,
  worker,
  consumer,
  takeover,
  pipeline,
  fleet,
  memory,
  neighbours,
  largeObject,
  coldStart,
]
