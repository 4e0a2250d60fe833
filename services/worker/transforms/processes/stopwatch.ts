import type { Frame } from './frames.ts'
import { CONTROL } from './protocol.ts'
import type { Usage } from './usage.ts'

/** The bounds of the work of a process on one upload. */
export interface Limits {
  /** Memory of the whole process. */
  memoryBytes: number
  /** CPU time from one sign of progress to the next. */
  cpuMs: number
  /** Time from one sign of progress to the next, without what the process waits for its parent. */
  wallMs: number
}

export type Excess = 'memory' | 'cpu' | 'wall'

/**
 * Measures a process by what crosses its link. It owes an answer while it has been asked for something and waits for no input
 * itself; only then does its time count. Each thing that it gives or asks for is a sign of progress, from which time counts anew:
 * a large file may take as long as it has pieces.
 */
export interface Stopwatch {
  onFrame(frame: Frame, way: 'in' | 'out'): void
  /** Returns the bound that the process is over, if any. Call it every few milliseconds. */
  check(usage: Usage | undefined): Excess | undefined
}

/** @param input the port by which the process asks for the upload's bytes */
export function createStopwatch(limits: Limits, input: number, now: () => number = () => performance.now()): Stopwatch {
  let owed = 0
  let awaited = 0
  let lastAt = now()
  let lastCpuMs: number | undefined
  let wallMs = 0
  let cpuMs = 0

  return {
    onFrame({ port, kind }, way) {
      if (port === CONTROL) return
      if (way === 'out') {
        if (kind === 'next') owed++
        else if (port === input) awaited--
        return
      }
      wallMs = 0
      cpuMs = 0
      if (kind === 'value' || kind === 'done' || kind === 'error') owed--
      else if (kind === 'next' && port === input) awaited++
    },

    check(usage) {
      const at = now()
      const counts = owed > 0 && awaited <= 0
      if (counts) {
        wallMs += at - lastAt
        if (usage && lastCpuMs !== undefined) cpuMs += usage.cpuMs - lastCpuMs
      }
      lastAt = at
      lastCpuMs = usage?.cpuMs
      if (usage && usage.memoryBytes > limits.memoryBytes) return 'memory'
      if (cpuMs > limits.cpuMs) return 'cpu'
      return wallMs > limits.wallMs ? 'wall' : undefined
    },
  }
}
