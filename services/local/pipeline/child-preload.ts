/**
 * Loaded first into the api and the workers of `npm start`: ends them when the process that started them is gone, even by
 * kill -9. They stop as on any SIGTERM, within a bound: the embedded AWS is gone as well, and there is nothing to drain to.
 */
import { Worker } from 'node:worker_threads'

const BOUND_MS = 3_000

process.on('disconnect', () => {
  // From a thread of its own, because the main one may be blocked for good: pino tries for ever to flush its last lines into
  // a pipe whose reader is gone.
  const bound = `setTimeout(() => process.kill(process.pid, 'SIGKILL'), ${BOUND_MS})`
  new Worker(bound, { eval: true, execArgv: [] }).unref()
  process.kill(process.pid, 'SIGTERM')
})
// The channel is no reason to live for a process that has nothing left to do.
process.channel?.unref()
