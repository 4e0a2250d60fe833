import { readdirSync, readFileSync } from 'node:fs'
import { descendants } from '../../support/processes.ts'

/** Memory, open files and number of a process and all below it. */
export interface TreeUsage {
  rssMiB: number
  processes: number
  /** Open file descriptors of the process itself. */
  descriptors: number
}

const PAGE_BYTES = 4_096

/** Reads the resident memory of a process and all below it. Pages that several of them share are counted for each. */
export function usageOf(pid: number, below: readonly number[] = descendants(pid)): TreeUsage {
  const pids = [...new Set([pid, ...below])]
  const pages = pids.reduce((sum, one) => sum + residentPages(one), 0)
  return { rssMiB: (pages * PAGE_BYTES) / 1024 ** 2, processes: pids.length, descriptors: descriptorsOf(pid) }
}

/** The maximum that was measured for each process. */
export interface MemoryWatch {
  readonly peaks: ReadonlyMap<string, TreeUsage>
  stop(): void
}

/** Measures process trees repeatedly until it is stopped. */
export function watchMemory(
  trees: () => Iterable<readonly [name: string, usage: TreeUsage]>,
  everyMs = 200,
): MemoryWatch {
  const peaks = new Map<string, TreeUsage>()
  const timer = setInterval(() => {
    for (const [name, usage] of trees()) {
      const peak = peaks.get(name)
      peaks.set(name, {
        rssMiB: Math.max(usage.rssMiB, peak?.rssMiB ?? 0),
        processes: Math.max(usage.processes, peak?.processes ?? 0),
        descriptors: Math.max(usage.descriptors, peak?.descriptors ?? 0),
      })
    }
  }, everyMs)
  return { peaks, stop: () => clearInterval(timer) }
}

/** 0 if the process has ended in the meantime. */
function residentPages(pid: number): number {
  try {
    return Number(readFileSync(`/proc/${pid}/statm`, 'utf8').split(' ')[1])
  } catch {
    return 0
  }
}

function descriptorsOf(pid: number): number {
  try {
    return readdirSync(`/proc/${pid}/fd`).length
  } catch {
    return 0
  }
}
