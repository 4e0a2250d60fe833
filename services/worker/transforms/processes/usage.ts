import { readFileSync } from 'node:fs'

/** The memory and CPU time of a process. */
export interface Usage {
  /** Resident memory, in bytes. */
  memoryBytes: number
  /** Milliseconds of CPU time, over all of its threads. */
  cpuMs: number
}

/** Linux reports times in these units on every architecture that Node runs on. */
const MS_PER_TICK = 10

/** Returns what a process uses, or undefined if the system has no /proc or the process has ended. */
export function readUsage(pid: number): Usage | undefined {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, 'latin1')
    // The fields follow the name, which may contain blanks and brackets.
    const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ')
    // This file counts KiB. Others count pages, whose size differs between systems. A process that has ended has no value.
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
