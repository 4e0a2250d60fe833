/** The program that runs the embedded AWS by itself, for example in a container. */
import { createLogger } from '../platform/log.ts'
import { closeOnSignal } from '../platform/shutdown.ts'
import { type EmbeddedAws, startEmbeddedAws } from './embedded-aws.ts'
import { exportLines } from './export-lines.ts'
import { AWS_USAGE, parseAwsFlags } from './flags.ts'
import { type HealthServer, startHealth } from './health.ts'
import { runForPeople } from './run.ts'

const STOP_TIMEOUT_MS = 20_000

runForPeople(async () => {
  const flags = parseAwsFlags(process.argv.slice(2))
  if (flags.help) {
    console.log(AWS_USAGE)
    return
  }
  let starting: Promise<EmbeddedAws> | undefined
  let health: HealthServer | undefined
  // Signals are handled before any server starts: the first process of a container has no default action for them, and a server must not be
  // left behind.
  closeOnSignal({
    timeoutMs: STOP_TIMEOUT_MS,
    log: createLogger({ level: 'error', role: 'aws' }),
    close: async () => {
      await health?.stop()
      await (await starting)?.stop()
    },
  })
  process.once('disconnect', () => process.kill(process.pid, 'SIGTERM'))
  starting = startEmbeddedAws(flags.settings)
  const aws = await starting
  if (flags.healthPort !== undefined) health = await startHealth(flags.settings.host ?? '127.0.0.1', flags.healthPort)
  // `headgate local` starts this program as its child, prints the variables itself, and must not leave servers behind if it is killed.
  if (process.send) process.send({ env: aws.env, exportLines: exportLines(aws.env) })
  else console.log(exportLines(aws.env))
})
