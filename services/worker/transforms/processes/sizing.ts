import { availableParallelism, totalmem } from 'node:os'

export interface Sizing {
  /** Number of processes. */
  size: number
  /** Maximum memory of each process. */
  memoryMiB: number
}

/** Memory of the worker itself: 130 MiB, and the parts of large objects. */
const WORKER_MIB = 320
/** Minimum memory of a process, which needs about 100 MiB without any content. */
const MIN_MIB = 192
/** Maximum memory of a process. No image that is accepted by default needs more. */
const MAX_MIB = 1_024

/**
 * Divides the memory of the machine, container or function among processes. There are at least two if there is room, so that not all
 * uploads wait for a long one.
 */
export function sizeFor(totalMiB: number, processors: number): Sizing {
  const free = Math.max(MIN_MIB, totalMiB - WORKER_MIB)
  const size = Math.max(1, Math.min(Math.max(2, processors), Math.floor(free / MIN_MIB)))
  return { size, memoryMiB: Math.min(MAX_MIB, Math.floor(free / size)) }
}

export function defaultSizing(): Sizing {
  return sizeFor(totalMiB(), availableParallelism())
}

function totalMiB(): number {
  const ofFunction = Number(process.env.AWS_LAMBDA_FUNCTION_MEMORY_SIZE)
  if (ofFunction > 0) return ofFunction
  // The limit of the container. Without a limit it is 0, or more than the machine has.
  const constrained = process.constrainedMemory()
  const total = totalmem()
  return (constrained > 0 ? Math.min(constrained, total) : total) / 1024 ** 2
}
