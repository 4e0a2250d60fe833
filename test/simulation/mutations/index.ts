import { FETCHING } from './fetching.ts'
import { ITERATION } from './iteration.ts'
import { LEASES } from './leases.ts'
import type { Mutation } from './mutation.ts'
import { PAUSING } from './pausing.ts'
import { PROCESSING } from './processing.ts'
import { SHARDS } from './shards.ts'

export const MUTATIONS: readonly Mutation[] = [
  ...LEASES,
  ...SHARDS,
  ...FETCHING,
  ...PROCESSING,
  ...PAUSING,
  ...ITERATION,
]
