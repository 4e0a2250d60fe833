import { appendFileSync, readFileSync } from 'node:fs'
import path from 'node:path'

/** The environment variable with the file to which test processes append their times. `npm test -- --times` sets it. */
export const TIMES_FILE = 'HEADGATE_TEST_TIMES'

/** What one test file took. A file may have several records, whose times add up. */
export interface TimesRecord {
  file: string
  /** Processor time of the process of the test and of the programs that it started and that have ended, in seconds. */
  cpu: number
  /** Time that passed, in seconds. */
  wall: number
}

/** Linux counts processor time in hundredths of a second in /proc, whatever the frequency of its timer is. */
const TICKS_PER_SECOND = 100

/**
 * Returns the processor time of a process in seconds, with that of its ended children, of their ended children, and so on. Returns 0 if
 * the process has ended.
 *
 * @throws Error where there is no /proc
 */
export function cpuSecondsOf(pid: number | 'self'): number {
  let stat: string
  try {
    stat = readFileSync(`/proc/${pid}/stat`, 'utf8')
  } catch (error) {
    if (pid !== 'self') return 0
    throw new Error('To measure processor time needs Linux, which has /proc', { cause: error })
  }
  // The name of the process, in parentheses, may contain spaces. After it, the 12th to 15th fields are utime, stime, cutime and cstime.
  const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ')
  return fields.slice(11, 15).reduce((sum, ticks) => sum + Number(ticks), 0) / TICKS_PER_SECOND
}

let recordedCpu = 0
let recordedWall = 0
let lastFile: string | undefined

/** Records what this process took since the file before. Does nothing in a run that does not measure. */
export function recordTimes(file: string): void {
  const times = process.env[TIMES_FILE]
  if (times === undefined) return
  lastFile = file
  const cpu = cpuSecondsOf('self')
  // The start of the process belongs to its first file.
  const wall = performance.now() / 1_000
  const record: TimesRecord = { file, cpu: cpu - recordedCpu, wall: wall - recordedWall }
  appendFileSync(times, `${JSON.stringify(record)}\n`)
  recordedCpu = cpu
  recordedWall = wall
}

/** Records the rest when the process ends. It belongs to the last file of a group, or to the only file of the process. */
export function recordTimesAtExit(root: string): void {
  process.on('exit', () => recordTimes(lastFile ?? path.relative(root, process.argv[1] ?? '')))
}
