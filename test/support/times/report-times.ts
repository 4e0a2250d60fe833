import { readFileSync } from 'node:fs'
import { descendants } from '../processes.ts'
import { cpuSecondsOf, type TimesRecord } from './record-times.ts'

/** The number of files that a report names. */
const MAX_FILES = 30

interface Times {
  cpu: number
  wall: number
}

/** Returns the processor time of all processes below this one, in seconds. */
export function cpuSecondsBelow(): number {
  return descendants(process.pid).reduce((sum, pid) => sum + cpuSecondsOf(pid), 0)
}

/** What a run took that is not part of a file. */
export interface RunTimes {
  /** Processor time of this process and its ended descendants, in seconds. It includes that of the files. */
  cpu: number
  /** Processor time of the servers that files share, in seconds. */
  sharedCpu: number
  /** Seconds. */
  wall: number
}

/** Returns a table of what each folder took, and one of the files that took most processor time, from the records of test processes. */
export function reportTimes(timesFile: string, run: RunTimes): string {
  const folders = new Map<string, Times>()
  const files = new Map<string, Times>()
  let inFiles = 0
  for (const line of readFileSync(timesFile, 'utf8').split('\n').filter(Boolean)) {
    const { file, cpu, wall } = JSON.parse(line) as TimesRecord
    add(folders, folderOf(file), { cpu, wall })
    add(files, file, { cpu, wall })
    inFiles += cpu
  }
  const others: [string, Times][] = [
    ['servers that files share', { cpu: run.sharedCpu, wall: run.wall }],
    ['tap, and what is left', { cpu: Math.max(0, run.cpu - inFiles), wall: run.wall }],
    ['total', { cpu: run.cpu + run.sharedCpu, wall: run.wall }],
  ]
  return [
    table('folder', [...sorted(folders), ...others]),
    table('file', sorted(files).slice(0, MAX_FILES)),
    'Files run at the same time, so the wall times of the folders add up to more than the total. Not counted: a process whose parent has',
    'ended before it, such as a worker of a killed npm start.',
  ].join('\n')
}

/** Returns `test/api` for `test/api/tus/protocol.test.ts`, and `test` for a file of that folder itself. */
function folderOf(file: string): string {
  return file.split('/').slice(0, -1).slice(0, 2).join('/')
}

function add(to: Map<string, Times>, name: string, { cpu, wall }: Times): void {
  const before = to.get(name) ?? { cpu: 0, wall: 0 }
  to.set(name, { cpu: before.cpu + cpu, wall: before.wall + wall })
}

function sorted(times: ReadonlyMap<string, Times>): [string, Times][] {
  return [...times].sort(([, one], [, other]) => other.cpu - one.cpu)
}

function table(title: string, rows: readonly (readonly [string, Times])[]): string {
  const lines = rows.map(([name, { cpu, wall }]) => `${seconds(cpu)}  ${seconds(wall)}  ${name}`)
  return [`${'CPU s'.padStart(8)}  ${'wall s'.padStart(8)}  ${title}`, ...lines, ''].join('\n')
}

function seconds(value: number): string {
  return value.toFixed(1).padStart(8)
}
