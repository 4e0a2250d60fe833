/**
 * `npm test`: runs tap, with servers that all test files of the run share. When this process ends in whatever way, the servers end too.
 */
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { existsSync, realpathSync } from 'node:fs'
import path from 'node:path'
import { findTestFiles, writeGroups } from './groups/groups.ts'
import { BUNDLED_PACKAGES, bundlePackages } from './packages/bundle-packages.ts'
import { startHost } from './shared-servers/host.ts'
import { HOST_PORT } from './shared-servers/messages.ts'

const root = path.resolve(import.meta.dirname, '../..')
const tap = realpathSync(path.join(root, 'node_modules/.bin/tap'))
const packages = await bundlePackages(root)
const host = await startHost()
const child = spawn(process.execPath, [tap, ...tapArguments(process.argv.slice(2))], {
  stdio: 'inherit',
  env: { ...process.env, [HOST_PORT]: String(host.port), [BUNDLED_PACKAGES]: packages },
})
// A terminal sends Ctrl-C to tap too. After other signals, tap must be ended from here. Both wait for tap, which reports what it ran.
process.on('SIGINT', () => undefined)
for (const signal of ['SIGTERM', 'SIGHUP'] as const) process.on(signal, () => child.kill(signal))

const [code, signal] = (await once(child, 'close')) as [number | null, NodeJS.Signals | null]
await host.stop()
process.exitCode = code ?? (signal === 'SIGINT' ? 130 : 1)

/** Returns the arguments of tap. Several files run in groups, unless an option concerns single files or tests. */
function tapArguments(args: readonly string[]): string[] {
  const options = args.filter(arg => /^--(?:reporter|jobs)=/.test(arg))
  const paths = args.filter(arg => !options.includes(arg))
  if (!paths.every(each => existsSync(path.join(root, each)))) return [...args]
  const files = findTestFiles(root, paths.length > 0 ? paths : ['test'])
  if (files.length < 2) return [...args]
  return [...options, '--include=**/*.test.{ts,mjs}', ...writeGroups(root, files)]
}
