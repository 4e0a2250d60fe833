/**
 * Loaded first into the api and the workers of `npm start`. Ends them when the process that started them has ended,
 * even by kill -9. They stop as after any SIGTERM, but within a short limit: the embedded AWS has ended too, so there
 * is nothing to drain to.
 */
import { once } from 'node:events'
import { Worker } from 'node:worker_threads'
import { SNAPSHOT_VARIABLE, useSnapshot } from '../reload/snapshot.ts'
import { STANDBY_VARIABLE } from './child-env.ts'

const BOUND_MS = 3_000

process.on('disconnect', () => {
  // In a separate thread, because the main thread may be blocked for ever: pino keeps trying to flush its last lines
  // into a pipe that nobody reads any more.
  const bound = `setTimeout(() => process.kill(process.pid, 'SIGKILL'), ${BOUND_MS})`
  new Worker(bound, { eval: true, execArgv: [] }).unref()
  process.kill(process.pid, 'SIGTERM')
})
if (process.env[STANDBY_VARIABLE] !== undefined) await standBy()
// The channel must not keep a process alive that has nothing left to do.
process.channel?.unref()

/**
 * Loads the code of a worker and then waits for the variables that it runs with. The worker starts when this resolves. To load its code
 * is most of the time that a worker takes to start.
 */
async function standBy(): Promise<void> {
  const message = once(process, 'message')
  await Promise.all([import('../../worker/services.ts'), import('../../worker/consumer.ts')])
  const [env] = (await message) as [Record<string, string>]
  delete process.env[STANDBY_VARIABLE]
  Object.assign(process.env, env)
  const snapshot = env[SNAPSHOT_VARIABLE]
  if (snapshot !== undefined) useSnapshot(snapshot)
}
