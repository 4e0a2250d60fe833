import { readFileSync } from 'node:fs'

/** What a process has used so far. */
export interface Usage {
  /** Bytes of memory that are resident now. */
  memoryBytes: number
  /** Milliseconds of CPU time, over all of its threads. */
  cpuMs: number
}

/** Linux gives times to programs in these units on every architecture that Node runs on. */
const MS_PER_TICK = 10

/** Returns what a process uses, or undefined where the system has no /proc or the process has ended. */
export function readUsage(pid: number): Usage | undefined {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, 'latin1')
    // Behind the name, which may have blanks and brackets in it.
    const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ')
    // In KiB, where other files count pages, whose size differs between systems. A process that has ended has none.
    const resident = /^VmRSS:\s+(\d+) kB$/m.exec(readFileSync(`/proc/${pid}/status`, 'latin1'))
    if (!resident) return undefined
    return {
      memoryBytes: Number(resident[1]) * 1_024,
      cpuMs: (Number(fields[11]) + Number(fields[12])) * MS_PER_TICK,
    }
  } catch {
    return undefined
  }
}
