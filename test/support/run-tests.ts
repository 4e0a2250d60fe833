/**
 * `npm test`: runs tap, with servers that all test files of the run share. When this process ends in whatever way, the servers end too.
 * With `--times`, it prints the processor time and the wall time of each folder at the end.
 */
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { existsSync, mkdirSync, mkdtempSync, realpathSync, rmSync, writeFileSync } from 'node:fs'
import path from 'node:path'
import { findTestFiles, writeGroups } from './groups/groups.ts'
import { BUNDLED_PACKAGES, bundlePackages } from './packages/bundle-packages.ts'
import { BUNDLED_PROGRAMS, bundlePrograms } from './packages/bundle-programs.ts'
import { startHost } from './shared-servers/host.ts'
import { HOST_PORT } from './shared-servers/messages.ts'
import { cpuSecondsOf, TIMES_FILE } from './times/record-times.ts'
import { cpuSecondsBelow, reportTimes } from './times/report-times.ts'

const root = path.resolve(import.meta.dirname, '../..')
const tap = realpathSync(path.join(root, 'node_modules/.bin/tap'))
const args = process.argv.slice(2).filter(arg => arg !== '--times')
const timesFile = args.length < process.argv.length - 2 ? createTimesFile() : undefined
const grouped = groupedArguments(args)
// A run of one file would wait for the bundles longer than they save. Other options of tap, such as coverage, concern the sources.
const [packages, programs] = await Promise.all([bundlePackages(root), grouped && bundlePrograms(root)])
const host = await startHost()
const child = spawn(process.execPath, [tap, ...(grouped ?? args)], {
  stdio: 'inherit',
  env: {
    ...process.env,
    [HOST_PORT]: String(host.port),
    [BUNDLED_PACKAGES]: packages,
    ...(programs && { [BUNDLED_PROGRAMS]: programs }),
    ...(timesFile && { [TIMES_FILE]: timesFile }),
  },
})
// A terminal sends Ctrl-C to tap too. After other signals, tap must be ended from here. Both wait for tap, which reports what it ran.
process.on('SIGINT', () => undefined)
for (const signal of ['SIGTERM', 'SIGHUP'] as const) process.on(signal, () => child.kill(signal))

const [code, signal] = (await once(child, 'close')) as [number | null, NodeJS.Signals | null]
if (timesFile) printTimes(timesFile)
await host.stop()
process.exitCode = code ?? (signal === 'SIGINT' ? 130 : 1)

/** Returns the arguments of tap for several files, which run in groups, unless an option concerns single files or tests. */
function groupedArguments(args: readonly string[]): string[] | undefined {
  const options = args.filter(arg => /^--(?:reporter|jobs)=/.test(arg))
  const paths = args.filter(arg => !options.includes(arg))
  if (!paths.every(each => existsSync(path.join(root, each)))) return undefined
  const files = findTestFiles(root, paths.length > 0 ? paths : ['test'])
  if (files.length < 2) return undefined
  return [...options, '--include=**/*.test.{ts,mjs}', ...writeGroups(root, files)]
}

/** Returns the path of an empty file for the times of this run. */
function createTimesFile(): string {
  // Fails now instead of at the end of the run, on a machine that cannot measure.
  cpuSecondsOf('self')
  mkdirSync(path.join(root, '.tap'), { recursive: true })
  const file = path.join(mkdtempSync(path.join(root, '.tap/times-')), 'times.jsonl')
  writeFileSync(file, '')
  return file
}

/** tap has ended, so the processes that still run below this one are the shared servers. */
function printTimes(file: string): void {
  const run = { cpu: cpuSecondsOf('self'), sharedCpu: cpuSecondsBelow(), wall: performance.now() / 1_000 }
  process.stdout.write(`\n${reportTimes(file, run)}\n`)
  rmSync(path.dirname(file), { recursive: true })
}
