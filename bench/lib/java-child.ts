import { readFileSync } from 'node:fs'
import { type JavaLine, startJava } from '../java/process.ts'
import type { ProgramName } from '../java/programs.ts'
import type { Child } from './child.ts'
import { BenchError } from './errors.ts'
import type { Usage } from './probe.ts'

/** The unit in which Linux counts the CPU time of a process. */
const TICK_MICROS = 10_000

/**
 * Starts a measured Java program. The program sends `round N` events. Its CPU time and memory are read from /proc,
 * because it contains no probe.
 */
export async function startJavaChild(name: string, program: ProgramName, env: Record<string, string>): Promise<Child> {
  const rounds = new Map<number, PromiseWithResolvers<number>>()
  let handled = 0
  const round = (number: number) => {
    const known = rounds.get(number) ?? Promise.withResolvers<number>()
    rounds.set(number, known)
    return known
  }
  const onLine = (line: JavaLine) => {
    if (line.type !== 'round') return
    handled = line.handled ?? 0
    round(line.round ?? 0).resolve(handled)
  }
  let stopping = false
  const java = await startJava({ teardown: () => undefined }, program, { env, onLine })
  const death = java.exited.then((): Promise<never> => {
    if (stopping) return new Promise<never>(() => undefined)
    throw new BenchError(`${name} ended in the middle of the benchmark.\n${java.tail()}`)
  })
  death.catch(() => undefined)

  const answers: Record<string, () => unknown> = {
    usage: () => usageOf(java.pid),
    handled: () => handled,
  }
  return {
    name,
    death,
    waitFor: <T>(event: string) => Promise.race([round(Number(event.split(' ')[1])).promise as Promise<T>, death]),
    async ask<T>(question: string) {
      const answer = answers[question]
      if (!answer) throw new BenchError(`${name} does not know the question ${question}.`)
      return answer() as T
    },
    // Killed, because no other worker waits for its leases.
    async stop() {
      stopping = true
      await java.kill()
    },
  }
}

/** Returns the user and system time of all threads and the memory, from /proc. */
function usageOf(pid: number): Usage {
  const stat = readFileSync(`/proc/${pid}/stat`, 'utf8')
  // The fields after the program's name, which may contain spaces. The first one here is the third field of the line.
  const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ')
  const status = readFileSync(`/proc/${pid}/status`, 'utf8')
  const [now, peak] = [/^VmRSS:\s+(\d+) kB/m.exec(status), /^VmHWM:\s+(\d+) kB/m.exec(status)]
  return {
    cpuMicros: (Number(fields[11]) + Number(fields[12])) * TICK_MICROS,
    rssBytes: Number(now?.[1] ?? 0) * 1_024,
    peakRssBytes: Number(peak?.[1] ?? 0) * 1_024,
  }
}
