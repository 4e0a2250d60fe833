import { fork } from 'node:child_process'
import { once } from 'node:events'
import path from 'node:path'
import { STOP } from '../../../services/local/servers/child-messages.ts'
import type { FromHost, LeaseSettings } from './messages.ts'

const PROGRAM = path.resolve(import.meta.dirname, 'slot-program.ts')

/** An embedded AWS in processes of its own, which one test uses at a time. */
export interface ServerSlot {
  /** Resolves with the reason when the process has ended by itself. */
  readonly died: Promise<string>
  /** Empties the AWS. Resolves to its parts, or to an error if a server has ended by itself. */
  open(settings: LeaseSettings): Promise<FromHost>
  stop(): Promise<void>
}

/** Starts the process of a slot. It writes its errors to stderr of this process, and ends with this process. */
export function startSlot(): ServerSlot {
  const child = fork(PROGRAM, { stdio: ['ignore', 'inherit', 'inherit', 'ipc'] })
  // A message that does not reach the child follows its end.
  child.on('error', () => undefined)
  const exited = once(child, 'exit')
  let isStopping = false
  const died = new Promise<string>(resolve => {
    child.once('exit', (code, signal) => {
      if (!isStopping) resolve(`The shared servers of a test ended by themselves (${signal ?? `exit code ${code}`})`)
    })
  })
  return {
    died,
    async open(lease) {
      child.send({ lease })
      const opened = once(child, 'message').then(([message]) => message as FromHost)
      return Promise.race([opened, died.then(error => ({ error }))])
    },
    async stop() {
      isStopping = true
      if (child.connected) child.send(STOP, () => undefined)
      if (child.exitCode === null && child.signalCode === null) await exited
    },
  }
}
