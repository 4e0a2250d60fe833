import type { Frame } from './frames.ts'
import { CONTROL } from './protocol.ts'
import type { Usage } from './usage.ts'

/** Limits of the work of a process on one upload. */
export interface Limits {
  /** Maximum memory of the whole process. */
  memoryBytes: number
  /** Maximum CPU time without progress. */
  cpuMs: number
  /** Maximum time without progress, not counting time in which the process waits for its parent. */
  wallMs: number
}

export type Excess = 'memory' | 'cpu' | 'wall'

/**
 * Measures a process by the frames of its link. Time counts only while the parent has requested something and the process waits for no
 * input. Each frame that the process sends is progress and resets the time, so a large file may take as long as it has pieces.
 */
export interface Stopwatch {
  onFrame(frame: Frame, direction: 'in' | 'out'): void
  /** Returns the limit that the process exceeds, if any. Call it every few milliseconds. */
  check(usage: Usage | undefined): Excess | undefined
}

/** @param input the port by which the process requests the upload's bytes */
export function createStopwatch(limits: Limits, input: number, now: () => number = () => performance.now()): Stopwatch {
  let owed = 0
  let awaited = 0
  let lastAt = now()
  let lastCpuMs: number | undefined
  let wallMs = 0
  let cpuMs = 0

  return {
    onFrame({ port, kind }, direction) {
      if (port === CONTROL) return
      if (direction === 'out') {
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
