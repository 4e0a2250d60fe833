/**
 * The part of a server process that runs inside the process. The process ends when the parent asks for it or has ended,
 * in whatever way. It does not end by a signal: Ctrl-C reaches the whole process group, and the parent stops its
 * servers last.
 */
import { type FromServer, STOP, variables } from './child-messages.ts'
import type { ServerSettings } from './server.ts'

/** The maximum duration of writing the data at the end, in milliseconds. */
const STOP_BOUND_MS = 10_000

/** Returns the settings that the parent passed in the environment. */
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

/**
 * Sends the parent the reason why the server does not listen. The parent then ends this process: an exit could overtake
 * the message.
 */
export function reportFailure(error: NodeJS.ErrnoException): void {
  sendToParent({ type: 'failed', code: error.code ?? 'UNKNOWN', message: error.message })
}

/**
 * Ends the process together with its parent.
 *
 * @param end called once: it finishes the work and exits. If it takes too long, the process exits with 1
 */
export function liveForParent(end: () => void): void {
  // The program may replace process.exit.
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
  // After the parent has ended, nobody reads the pipes. Errors of writing to them must not prevent the data from being
  // written.
  process.stdout.on('error', () => undefined)
  process.stderr.on('error', () => undefined)
}
