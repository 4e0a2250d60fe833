/**
 * The process of the embedded Kinesis: kinesis-local, which is made to be a command, as a child that a parent can rely on.
 * It listens on the address and the port it is told, says which that was, keeps its data whole, and ends when the parent
 * asks for it or is gone, never by a signal: Ctrl-C reaches the whole process group, and the parent stops this last.
 */
import { createRequire } from 'node:module'
import { persistAtomically } from './kinesis-child-disk.ts'
import { listenWhereTold } from './kinesis-child-listen.ts'
import { type FromKinesis, labels, PERSIST_FILE, STOP, variables } from './kinesis-messages.ts'

/** How long writing the data may take once the end has come, in milliseconds. */
const STOP_BOUND_MS = 10_000

const tell = (message: FromKinesis) => {
  if (process.connected) process.send?.(message)
}

const stops: Array<() => void> = []
// kinesis-local puts its own in the place of this one.
const exit = process.exit.bind(process)
let ending = false

function end(): void {
  if (ending) return
  ending = true
  if (stops.length === 0) exit(0)
  setTimeout(() => exit(1), STOP_BOUND_MS).unref()
  for (const stop of stops) stop()
  listening.disconnect()
}

function takeOverSignals(): void {
  const on = process.on.bind(process)
  const ignore = () => undefined
  on('SIGINT', ignore)
  on('SIGTERM', ignore)
  on('SIGHUP', ignore)
  // kinesis-local writes its data and exits on SIGTERM: its handler is kept for our own end.
  const register = (event: string, listener: () => void) => {
    if (event === 'SIGTERM') stops.push(listener)
    else if (event !== 'SIGINT') on(event, listener)
    return process
  }
  Object.assign(process, { on: register })
}

process.on('disconnect', end)
process.on('message', message => {
  if (message === STOP) end()
})
// Where the parent is gone its ends of the pipes are too, and what nobody reads must not stop the data from being written.
process.stdout.on('error', () => undefined)
process.stderr.on('error', () => undefined)

takeOverSignals()
persistAtomically(PERSIST_FILE)
const listening = listenWhereTold({
  host: process.env[variables.host] ?? '127.0.0.1',
  ports: { [labels.plain]: Number(process.env[variables.port] ?? 0), [labels.tls]: 0 },
  listening: (label, port) => {
    if (label === labels.plain) tell({ type: 'listening', port })
  },
  failed: error => tell({ type: 'failed', code: error.code ?? 'UNKNOWN', message: error.message }),
})
createRequire(import.meta.url)('kinesis-local')
