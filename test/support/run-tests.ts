/**
 * `npm test`: runs tap, with servers that all test files of the run share. When this process ends in whatever way, the servers end too.
 */
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { realpathSync } from 'node:fs'
import path from 'node:path'
import { startHost } from './shared-servers/host.ts'
import { HOST_PORT } from './shared-servers/messages.ts'

const tap = realpathSync(path.resolve(import.meta.dirname, '../../node_modules/.bin/tap'))
const host = await startHost()
const child = spawn(process.execPath, [tap, ...process.argv.slice(2)], {
  stdio: 'inherit',
  env: { ...process.env, [HOST_PORT]: String(host.port) },
})
// A terminal sends Ctrl-C to tap too. After other signals, tap must be ended from here. Both wait for tap, which reports what it ran.
process.on('SIGINT', () => undefined)
for (const signal of ['SIGTERM', 'SIGHUP'] as const) process.on(signal, () => child.kill(signal))

const [code, signal] = (await once(child, 'close')) as [number | null, NodeJS.Signals | null]
await host.stop()
process.exitCode = code ?? (signal === 'SIGINT' ? 130 : 1)
