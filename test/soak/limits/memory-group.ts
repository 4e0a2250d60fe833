import { existsSync, mkdirSync, readdirSync, readFileSync, rmdirSync, writeFileSync } from 'node:fs'
import path from 'node:path'
import { setTimeout as pass } from 'node:timers/promises'
import { isAlive } from '../../support/processes.ts'

/** A control group of Linux: the kernel kills a process in it when all of them together need more memory than the limit. */
export interface MemoryGroup {
  /** Moves a process into the group. Processes that it starts from then on are in the group too. */
  add(pid: number): void
  pids(): number[]
  /** Number of processes that the kernel has killed at the limit. */
  kills(): number
  remove(): Promise<void>
}

/** The files of the two versions of control groups. */
const FILES = {
  v1: { limit: 'memory.limit_in_bytes', events: 'memory.oom_control' },
  v2: { limit: 'memory.max', events: 'memory.events' },
} as const

/**
 * Creates a group below the one of this process.
 *
 * @returns the reason as a sentence where this machine does not allow it
 */
export function createMemoryGroup(name: string, limitBytes: number): MemoryGroup | string {
  const parent = ownGroup()
  if (parent === undefined) return 'There are no control groups for memory.'
  const { version, folder } = parent
  const files = FILES[version]
  const own = path.join(folder, `headgate-soak-${process.pid}-${name.replaceAll(' ', '-')}`)
  try {
    removeAbandoned(folder)
    if (version === 'v2') writeFileSync(path.join(folder, 'cgroup.subtree_control'), '+memory')
    mkdirSync(own)
    writeFileSync(path.join(own, files.limit), String(limitBytes))
  } catch (error) {
    if (existsSync(own)) rmdirSync(own)
    return `No control group can be created in ${folder}: ${(error as Error).message}.`
  }
  const pids = () => readFileSync(path.join(own, 'cgroup.procs'), 'utf8').trim().split('\n').filter(Boolean).map(Number)
  return {
    add: pid => writeFileSync(path.join(own, 'cgroup.procs'), String(pid)),
    pids,
    kills: () => Number(/^oom_kill (\d+)$/m.exec(readFileSync(path.join(own, files.events), 'utf8'))?.[1] ?? 0),
    async remove() {
      // A process that has ended is in its group until its parent knows.
      for (let tries = 0; pids().length > 0 && tries < 50; tries++) await pass(100)
      rmdirSync(own)
    },
  }
}

/** Removes the groups of runs that were killed. */
function removeAbandoned(folder: string): void {
  for (const name of readdirSync(folder)) {
    const pid = /^headgate-soak-(\d+)-/.exec(name)?.[1]
    if (pid !== undefined && !isAlive(Number(pid))) rmdirSync(path.join(folder, name))
  }
}

function ownGroup(): { version: 'v1' | 'v2'; folder: string } | undefined {
  if (process.platform !== 'linux') return undefined
  const lines = readFileSync('/proc/self/cgroup', 'utf8').split('\n')
  const v1 = lines.map(line => /^\d+:[^:]*\bmemory\b[^:]*:(.*)$/.exec(line)?.[1]).find(found => found !== undefined)
  if (v1 !== undefined) return { version: 'v1', folder: path.join('/sys/fs/cgroup/memory', v1) }
  const v2 = lines.map(line => /^0::(.*)$/.exec(line)?.[1]).find(found => found !== undefined)
  const folder = path.join('/sys/fs/cgroup', v2 ?? '')
  return v2 !== undefined && existsSync(path.join(folder, 'cgroup.controllers')) ? { version: 'v2', folder } : undefined
}
