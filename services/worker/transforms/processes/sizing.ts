import { availableParallelism, totalmem } from 'node:os'

export interface Sizing {
  /** Number of processes. */
  size: number
  /** Memory that each may have. */
  memoryMiB: number
}

/** What the worker itself needs: 130 MiB, and its large objects in parts. */
const WORKER_MIB = 320
/** A process needs some 100 MiB before it holds any content. */
const MIN_MIB = 192
/** More serves no picture that is taken by default. */
const MAX_MIB = 1_024

/**
 * Divides the memory of the machine, container or function: two processes at least where there is room, so that one upload that
 * takes long is not what all others wait for.
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
  // What a container may have. Without a bound it is 0, or more than there is.
  const constrained = process.constrainedMemory()
  const total = totalmem()
  return (constrained > 0 ? Math.min(constrained, total) : total) / 1024 ** 2
}
