/**
 * The life of a server in a process of its own, from its inside. It ends when the parent asks for it or is gone, however that
 * ended, and never by a signal: Ctrl-C reaches the whole process group, and the parent stops its servers last.
 */
import { type FromServer, STOP, variables } from './child-messages.ts'
import type { ServerSettings } from './server.ts'

/** How long writing the data may take once the end has come, in milliseconds. */
const STOP_BOUND_MS = 10_000

/** What the parent told this process at its start. */
export function settingsFromParent(env: NodeJS.ProcessEnv = process.env): ServerSettings {
  return {
    host: env[variables.host] ?? '127.0.0.1',
    port: Number(env[variables.port] ?? 0),
    dataDir: env[variables.dataDir],
  }
}

export function sendToParent(message: FromServer): void {
  if (process.connected) process.send?.(message)
}

/** Tells the parent why the server does not listen. It ends this process: an exit could overtake the message. */
export function reportFailure(error: NodeJS.ErrnoException): void {
  sendToParent({ type: 'failed', code: error.code ?? 'UNKNOWN', message: error.message })
}

/** @param end called once, at the end: it finishes the work and exits. Where it takes too long the process exits with 1 */
export function liveForParent(end: () => void): void {
  // A program may put its own in the place of this one.
  const exit = process.exit.bind(process)
  let ending = false
  function endOnce(): void {
    if (ending) return
    ending = true
    setTimeout(() => exit(1), STOP_BOUND_MS).unref()
    end()
  }
  process.on('disconnect', endOnce)
  process.on('message', message => {
    if (message === STOP) endOnce()
  })
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP']) process.on(signal, () => undefined)
  // Where the parent is gone its ends of the pipes are too, and what nobody reads must not stop the data from being written.
  process.stdout.on('error', () => undefined)
  process.stderr.on('error', () => undefined)
}
