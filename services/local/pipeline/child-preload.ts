/**
 * Loaded first into the api and the workers of `npm start`. Ends them when the process that started them has ended,
 * even by kill -9. They stop as after any SIGTERM, but within a short limit: the embedded AWS has ended too, so there
 * is nothing to drain to.
 */
import { Worker } from 'node:worker_threads'

const BOUND_MS = 3_000

process.on('disconnect', () => {
  // In a separate thread, because the main thread may be blocked for ever: pino keeps trying to flush its last lines
  // into a pipe that nobody reads any more.
  const bound = `setTimeout(() => process.kill(process.pid, 'SIGKILL'), ${BOUND_MS})`
  new Worker(bound, { eval: true, execArgv: [] }).unref()
  process.kill(process.pid, 'SIGTERM')
})
// The channel must not keep a process alive that has nothing left to do.
process.channel?.unref()
